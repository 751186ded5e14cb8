//! Facts about the argument helpers.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn refused<T>(result: Result<T>) -> String {
    let error = result.err().expect("must be refused");
    assert_eq!(error.status(), Status::InvalidArgument);
    error.message().to_string()
}

#[test]
fn slices_are_checked_before_they_are_read() {
    assert_eq!(slice::<i64>(std::ptr::null(), 0, "shape").unwrap(), &[] as &[i64]);
    assert_eq!(slice([1i64, 2].as_ptr(), 2, "shape").unwrap(), &[1, 2]);
    assert_eq!(refused(slice::<i64>(std::ptr::null(), 3, "shape")), "shape is NULL but has length 3");
    let numbers = [0i64; 2];
    assert!(refused(slice(numbers.as_ptr(), usize::MAX, "shape")).contains("no memory holds"));
    assert!(refused(slice(numbers.as_ptr(), usize::MAX / 8 + 2, "shape")).contains("no memory holds"));
    assert!(refused(bytes(numbers.as_ptr().cast(), usize::MAX, "data")).contains("data has length"));
    assert!(refused(bytes_mut(std::ptr::null_mut(), 1, "data")).contains("NULL"));
    let crooked = numbers.as_ptr().cast::<u8>().wrapping_add(1).cast::<i64>();
    assert_eq!(refused(slice(crooked, 1, "shape")), "shape is not aligned to 8 bytes");
    assert_eq!(refused(reference::<i64>(std::ptr::null(), "size")), "size is NULL");
}

#[test]
fn texts_are_present_bounded_and_utf8() {
    assert_eq!(text(c"fc1.weight".as_ptr(), "name").unwrap(), "fc1.weight");
    assert_eq!(refused(text(std::ptr::null(), "name")), "name is NULL");
    assert_eq!(optional_text(std::ptr::null(), "name").unwrap(), None);
    assert_eq!(refused(text(c"ab\xff".as_ptr(), "name")), "name is not UTF-8 at byte 2");
    let mut long = vec![b'a'; MOST_TEXT];
    long.push(0);
    assert_eq!(text(long.as_ptr().cast(), "name").unwrap().len(), MOST_TEXT);
    let endless = vec![b'a'; MOST_TEXT + 1];
    assert!(refused(text(endless.as_ptr().cast(), "name")).contains("longer than"));
}

#[test]
fn outputs_are_written_by_put_alone() {
    let mut values = [7i32; 3];
    let pointer = values.as_mut_ptr();
    assert_eq!(refused(Out::<i32>::new(std::ptr::null_mut(), "count")), "count is NULL");
    assert!(Out::<i32>::optional(std::ptr::null_mut(), "count").unwrap().is_none());
    let out = OutSlice::new(pointer, 3, "values").unwrap();
    assert!(out.put(&[1, 2, 3, 4]).is_err());
    assert_eq!(values, [7; 3]);
    OutSlice::new(pointer, 3, "values").unwrap().put(&[1, 2]).unwrap();
    assert_eq!(values, [1, 2, 7]);
    assert!(OutSlice::new(pointer, 3, "outputs").unwrap().expect(2, "outputs").is_err());
    Out::new(pointer, "value").unwrap().put(9);
    assert_eq!(values[0], 9);
}

#[test]
fn a_list_tells_its_length_first() {
    let (mut values, mut count) = ([7i64; 4], 0usize);
    let (values_at, count_at) = (values.as_mut_ptr(), &raw mut count);
    let put = |capacity, count: *mut usize| {
        let pointer = if capacity == 0 { std::ptr::null_mut() } else { values_at };
        put_list(OutSlice::new(pointer, capacity, "shape")?, Out::new(count, "rank")?, &[1, 2, 3], "shape")
    };
    put(0, count_at).unwrap();
    // SAFETY: the test's own variables.
    let read = || unsafe { (count_at.read(), values_at.cast::<[i64; 4]>().read()) };
    assert_eq!(read(), (3, [7; 4]));
    assert_eq!(refused(put(2, count_at)), "shape has room for 2, but there are 3");
    assert_eq!(read().1, [7; 4]);
    put(4, count_at).unwrap();
    assert_eq!(read().1, [1, 2, 3, 7]);
    refused(put(3, std::ptr::null_mut()));
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Version1 {
    struct_size: usize,
    keep_prob: f64,
    flag: CBool,
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Version2 {
    struct_size: usize,
    keep_prob: f64,
    flag: CBool,
    seed: u64,
}

options!(
    Version1 { keep_prob, flag }
        | options
        | if options.keep_prob == 0.0 {
            options.keep_prob = 0.5
        }
);
options!(
    Version2 { keep_prob, flag, seed } | options | {
        if options.keep_prob == 0.0 {
            options.keep_prob = 0.5;
        }
        if options.seed == 0 {
            options.seed = 99;
        }
    }
);

#[test]
fn options_of_older_and_newer_hosts_are_read() {
    let all_defaults = read_options::<Version2>(std::ptr::null()).unwrap();
    assert_eq!((all_defaults.struct_size, all_defaults.keep_prob, all_defaults.flag.get(), all_defaults.seed), (32, 0.5, false, 99));

    let old = Version1 { struct_size: 24, keep_prob: 0.9, flag: CBool::new(true) };
    let read = read_options((&raw const old).cast::<Version2>()).unwrap();
    assert_eq!((read.struct_size, read.keep_prob, read.flag.get(), read.seed), (32, 0.9, true, 99));

    let mut new = Version2 { struct_size: 32, keep_prob: 0.9, flag: CBool::FALSE, seed: 0 };
    assert_eq!(read_options((&raw const new).cast::<Version1>()).unwrap().keep_prob, 0.9);
    new.seed = 1;
    let error = read_options((&raw const new).cast::<Version1>()).unwrap_err();
    assert_eq!(error.status(), Status::Unsupported);
    assert!(error.message().contains("Version1"), "{error}");

    // A size that ends inside a field does not read half of it.
    let cut = Version1 { struct_size: 12, keep_prob: 0.9, flag: CBool::new(true) };
    assert_eq!(read_options(&raw const cut).unwrap().keep_prob, 0.5);
    for struct_size in [0, 7, MOST_OPTIONS + 1, usize::MAX] {
        let bad = Version1 { struct_size, ..old };
        assert!(refused(read_options(&raw const bad)).contains("struct_size"));
    }
}

#[test]
fn options_init_writes_only_the_hosts_bytes() {
    let mut room = [0xA5u8; 64];
    let pointer = room.as_mut_ptr();
    init_options(pointer.cast::<Version2>(), 24).unwrap();
    assert_eq!(room[..8], 24usize.to_ne_bytes());
    assert_eq!(room[8..16], 0.5f64.to_ne_bytes());
    assert_eq!(room[16], 0);
    assert!(room[24..].iter().all(|byte| *byte == 0xA5));
    init_options(room.as_mut_ptr().cast::<Version1>(), 40).unwrap();
    assert!(room[17..40].iter().all(|byte| *byte == 0));
    assert!(room[40..].iter().all(|byte| *byte == 0xA5));
    assert!(refused(init_options(room.as_mut_ptr().cast::<Version1>(), 4)).contains("sizeof"));
    assert_eq!(refused(init_options::<Version1>(std::ptr::null_mut(), 24)), "options is NULL");
}

extern "C" fn count_drop(user: *mut c_void) {
    // SAFETY: the tests below pass counters.
    unsafe { &*user.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

type Answer = extern "C" fn(*mut c_void) -> TenonStatus;
extern "C" fn succeed(_: *mut c_void) -> TenonStatus {
    TENON_OK
}
extern "C" fn fail(_: *mut c_void) -> TenonStatus {
    3
}

#[test]
fn a_callback_ends_its_user_pointer_exactly_once() {
    let drops = AtomicUsize::new(0);
    let user = (&raw const drops).cast_mut().cast::<c_void>();
    let callback = HostCallback::new(Some(succeed as Answer), user, Some(count_drop), "record").unwrap();
    callback.call("record", |function, user| function(user)).unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 0);
    drop(callback);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    assert_eq!(refused(HostCallback::<Answer>::new(None, user, Some(count_drop), "record")), "record is NULL");
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    assert!(HostCallback::<Answer>::optional(None, user, None).is_none());
}

#[test]
fn a_callbacks_status_reaches_the_text() {
    let callback = HostCallback::new(Some(fail as Answer), std::ptr::null_mut(), None, "record").unwrap();
    let error = callback.call("record", |function, user| function(user)).unwrap_err();
    assert_eq!(error.status(), Status::CallbackFailed);
    assert_eq!(error.message(), "the record callback returned 3 (TENON_SHAPE_MISMATCH)");
}

#[test]
fn any_byte_is_a_truth_value() {
    for byte in 0..=255u8 {
        // SAFETY: CBool is any byte.
        assert_eq!(unsafe { std::mem::transmute::<u8, CBool>(byte) }.get(), byte != 0);
    }
}
