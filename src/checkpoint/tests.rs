//! Facts about checkpoint files: what comes back, what is refused, and what survives a failure.

use super::write::write_atomically;
use super::*;
use crate::error::{Error, Status};
use crate::tensor::{Allocator, DType, Shape, Tensor};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A directory of its own for each test, gone at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("tenon-checkpoint-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// A tensor whose bytes count up (booleans alternate).
fn tensor(dtype: DType, dims: &[usize]) -> Tensor {
    let tensor = Tensor::zeros(&Allocator::system(), dtype, shape(dims)).unwrap();
    let modulus = if dtype == DType::Bool { 2 } else { 251 };
    tensor.write_bytes(&(0..tensor.bytes()).map(|byte| (byte % modulus) as u8).collect::<Vec<_>>()).unwrap();
    tensor
}

fn entries<'a>(tensors: &'a [(&str, Tensor)]) -> impl Iterator<Item = Entry<'a>> {
    tensors.iter().map(|(name, tensor)| Entry { name: name.to_string(), tensor })
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn packed(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = vec![0; tensor.bytes()];
    tensor.read_bytes(&mut bytes).unwrap();
    bytes
}

/// The bytes of a file with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn parse(bytes: Vec<u8>) -> Result<Archive, Error> {
    Archive::from_bytes("x.safetensors", bytes)
}

/// A small file with all that a header can hold.
fn sample(directory: &Directory) -> Vec<u8> {
    let path = directory.file("sample.safetensors");
    let tensors = [
        ("a", tensor(DType::F32, &[2])),
        ("b.c", tensor(DType::Bool, &[3])),
        ("e", tensor(DType::I64, &[])),
        ("z", tensor(DType::U8, &[0])),
    ];
    save(&path, entries(&tensors), strings(&[("note", "\"quoted\"\n")])).unwrap();
    std::fs::read(&path).unwrap()
}

#[test]
fn everything_comes_back() {
    let directory = Directory::new("everything");
    let path = directory.file("net.safetensors");
    let mut tensors: Vec<(&str, Tensor)> = DType::ALL.map(|dtype| (dtype.name(), tensor(dtype, &[3, 5]))).into();
    tensors.push(("empty", tensor(DType::F32, &[4, 0])));
    tensors.push(("scalar \"quoted\" \u{1F980}\n\\", tensor(DType::I64, &[])));
    tensors.push(("transposed", tensor(DType::I32, &[2, 3]).transpose(&[1, 0]).unwrap()));
    tensors.push(("", tensor(DType::U8, &[1, 1, 1, 1, 1, 1, 1, 1])));
    save(&path, entries(&tensors), strings(&[("step", "12"), ("ключ", "\u{0}\u{7f}")])).unwrap();
    assert_eq!(directory.files(), ["net.safetensors"]);

    let archive = load(&path).unwrap();
    let metadata = strings(&[("format", "tenon"), ("version", "1"), ("step", "12"), ("ключ", "\u{0}\u{7f}")]);
    assert_eq!(archive.metadata(), &metadata);
    let mut names: Vec<&str> = tensors.iter().map(|(name, _)| *name).collect();
    names.sort();
    assert_eq!(archive.names().collect::<Vec<_>>(), names);
    for (name, tensor) in &tensors {
        assert_eq!(archive.info(name), Some((tensor.dtype(), *tensor.shape())));
        assert_eq!(archive.get(name).unwrap(), (tensor.dtype(), *tensor.shape(), packed(tensor)));
    }
    // The same file in memory is the same archive.
    let memory = parse(std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(memory.get("f64").unwrap(), archive.get("f64").unwrap());
}

#[test]
fn the_same_tensors_make_the_same_bytes_in_any_order() {
    let directory = Directory::new("order");
    let mut tensors = [("b", tensor(DType::F64, &[3])), ("a", tensor(DType::U8, &[5])), ("c", tensor(DType::F16, &[2]))];
    save(directory.file("1"), entries(&tensors), BTreeMap::new()).unwrap();
    tensors.reverse();
    save(directory.file("2"), entries(&tensors), BTreeMap::new()).unwrap();
    let bytes = std::fs::read(directory.file("1")).unwrap();
    assert_eq!(bytes, std::fs::read(directory.file("2")).unwrap());
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert_eq!(header_len % 8, 0);
    let expected = r#"{"__metadata__":{"format":"tenon","version":"1"},"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"b":{"dtype":"F64","shape":[3],"data_offsets":[5,29]},"c":{"dtype":"F16","shape":[2],"data_offsets":[29,33]}}"#;
    assert_eq!(std::str::from_utf8(&bytes[8..8 + header_len]).unwrap().trim_end(), expected);
}

#[test]
fn the_reference_implementation_reads_ours_and_we_read_its() {
    let directory = Directory::new("reference");
    let bytes = sample(&directory);
    let reference = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let archive = parse(bytes.clone()).unwrap();
    assert_eq!(reference.len(), archive.names().count());
    for name in archive.names() {
        let theirs = reference.tensor(name).unwrap();
        let (_, shape, data) = archive.get(name).unwrap();
        assert_eq!((theirs.shape(), theirs.data()), (shape.dims(), &data[..]));
    }
    let views: Vec<_> = reference.tensors();
    let theirs = safetensors::serialize(views, Some([("k".to_string(), "v".to_string())].into())).unwrap();
    let back = parse(theirs).unwrap();
    assert_eq!(back.metadata(), &strings(&[("k", "v")]));
    for name in archive.names() {
        assert_eq!(back.get(name).unwrap(), archive.get(name).unwrap());
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let directory = Directory::new("cut");
    let bytes = sample(&directory);
    let path = directory.file("cut.safetensors");
    for len in 0..bytes.len() {
        let error = parse(bytes[..len].to_vec()).unwrap_err();
        assert_eq!(error.status(), Status::Format, "{len}: {error}");
        std::fs::write(&path, &bytes[..len]).unwrap();
        let from_file = load(&path).unwrap_err();
        assert_eq!(from_file.message().replace(path.to_str().unwrap(), "x.safetensors"), error.message());
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(parse(longer).unwrap_err().message().starts_with("x.safetensors: the tensors end at "));
}

/// No byte of the header may bring the reader down, and what the reference implementation refuses, we refuse.
#[test]
fn a_header_with_any_byte_changed_is_refused_or_understood() {
    let directory = Directory::new("flip");
    let bytes = sample(&directory);
    let header_end = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut accepted = 0;
    for at in 0..header_end {
        for value in (0..8).map(|bit| bytes[at] ^ (1 << bit)).chain(*b"\0\"\\{}[],:9 -") {
            let mut changed = bytes.clone();
            changed[at] = value;
            let reference = safetensors::SafeTensors::deserialize(&changed).is_ok();
            match parse(changed) {
                Ok(archive) => {
                    assert!(reference, "byte {at} as {value}: accepted what the reference implementation refuses");
                    for name in archive.names() {
                        archive.get(name).unwrap();
                    }
                    accepted += 1;
                }
                Err(error) => assert_eq!(error.status(), Status::Format, "byte {at} as {value}: {error}"),
            }
        }
    }
    assert!(accepted > 0, "changed names and metadata are still valid files");
}

#[test]
fn hostile_headers_are_refused_with_the_tensor_named() {
    let huge = [&(1u64 << 62).to_le_bytes()[..], b"{}"].concat();
    let wide = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    let deep = file(&format!("{{\"t\":{{\"x\":{}", "[".repeat(100_000)), b"");
    let cases = [
        (huge, "not a safetensors file: a header of 4611686018427387904 bytes is longer than the 100000000 that are permitted"),
        (wide, "not a safetensors file: a header of 18446744073709551615 bytes is longer than the 100000000 that are permitted"),
        ([&99u64.to_le_bytes()[..], b"{}"].concat(), "the file is cut short: a header of 99 bytes does not fit the 2 that follow"),
        (vec![], "not a safetensors file: 0 bytes are too few"),
        (deep, "the header is not valid: tensor \"t\": EOF while parsing a list"),
        (file("[]", b""), "the header is not valid: invalid type: sequence, expected an object of tensors"),
        (file("{}{}", b""), "the header is not valid: trailing characters"),
        (file("\u{feff}{}", b""), "the header is not valid: expected value"),
        (file(r#"{"__metadata__":{"a":1}}"#, b""), "the header is not valid: invalid type: integer `1`, expected a string"),
        (file(r#"{"__metadata__":{},"__metadata__":{}}"#, b""), "the header is not valid: __metadata__ occurs twice"),
        (file(r#"{"__metadata__":{"a":"","a":""}}"#, b""), "metadata entry \"a\" occurs twice"),
        (file(r#"{"t":{"dtype":"F32","shape":[1]}}"#, b"1234"), "the header is not valid: tensor \"t\": missing field `data_offsets`"),
        (
            file(r#"{"t":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, b"1234"),
            "the header is not valid: tensor \"t\": invalid value: integer `-1`, expected u64",
        ),
        (
            file(r#"{"t":{"dtype":"F32","shape":[1e99],"data_offsets":[0,4]}}"#, b"1234"),
            "the header is not valid: tensor \"t\": invalid type: floating point `1e+99`, expected u64",
        ),
        (
            file(r#"{"t":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#, b"1234"),
            "tensor \"t\" has dtype \"I8\", which is not supported",
        ),
        (
            file(r#"{"t":{"dtype":"U8","shape":[5],"data_offsets":[0,4]}}"#, b"1234"),
            "tensor \"t\" is u8[5], which takes 5 bytes, but its data is at 0..4",
        ),
        (
            file(r#"{"t":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, b"1234"),
            "tensor \"t\" is u8[4], which takes 4 bytes, but its data is at 4..0",
        ),
        (
            file(r#"{"t":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}"#, b"1"),
            "tensor \"t\" is not usable: a shape has at most 8 dimensions, not 9",
        ),
        (
            file(r#"{"t":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, b""),
            "tensor \"t\" is not usable: a tensor of shape [4294967296, 4294967296] does not fit the address space",
        ),
        (
            file(r#"{"s":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"t":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, b"123"),
            "tensor \"t\" at 1..3 overlaps the one before it, which ends at 2",
        ),
        (
            file(r#"{"s":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"t":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}"#, b"1234"),
            "tensor \"t\" at 3..4 leaves a gap after 2",
        ),
        (
            file(r#"{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, b"123"),
            "tensor \"t\" at 0..4 reaches beyond the data, which ends at 3",
        ),
        (file(r#"{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, b"123"), "the tensors end at 2, but the data ends at 3"),
        (
            file(r#"{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, b""),
            "tensor \"t\" occurs twice",
        ),
    ];
    for (bytes, expected) in cases {
        let error = parse(bytes).unwrap_err();
        assert_eq!(error.status(), Status::Format);
        assert!(error.message().starts_with(&format!("x.safetensors: {expected}")), "{error}");
    }
    assert_eq!(parse(file("{}", b"")).unwrap().names().count(), 0);
}

#[test]
fn files_that_cannot_be_opened_say_so() {
    let directory = Directory::new("open");
    let path = directory.file("absent.safetensors");
    let error = load(&path).unwrap_err();
    assert_eq!(error.status(), Status::NotFound);
    assert!(error.message().starts_with(path.to_str().unwrap()), "{error}");
    let error = load(&directory.0).unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::Io, format!("{}: not a regular file", directory.0.display()).as_str()));
}

#[test]
fn a_file_cut_after_it_was_opened_is_an_io_error() {
    let directory = Directory::new("later");
    let bytes = sample(&directory);
    let path = directory.file("sample.safetensors");
    let archive = load(&path).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 10).unwrap();
    let error = archive.get("e").unwrap_err();
    assert_eq!(error.status(), Status::Io);
    assert!(error.message().starts_with(&format!("{}: tensor \"e\": ", path.display())), "{error}");
}

#[test]
fn an_open_archive_outlives_the_replacement_of_its_file() {
    let directory = Directory::new("replace");
    let path = directory.file("net.safetensors");
    save(&path, entries(&[("t", tensor(DType::U8, &[3]))]), BTreeMap::new()).unwrap();
    let old = load(&path).unwrap();
    save(&path, entries(&[("t", tensor(DType::U8, &[7]))]), BTreeMap::new()).unwrap();
    assert_eq!(old.get("t").unwrap().2, [0, 1, 2]);
    assert_eq!(load(&path).unwrap().info("t"), Some((DType::U8, shape(&[7]))));
    assert_eq!(directory.files(), ["net.safetensors"]);
}

#[test]
fn names_and_sizes_are_checked_on_reading() {
    let archive = parse(file(r#"{"t":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, &7i32.to_le_bytes())).unwrap();
    let error = archive.get("u").unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::NotFound, "x.safetensors: there is no tensor \"u\""));
    let error = archive.read("t", &mut [0; 5]).unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::InvalidArgument, "x.safetensors: tensor \"t\" has 4 bytes, not 5"));
    assert_eq!(archive.get_as("t", DType::I64).unwrap(), 7i64.to_le_bytes());
    let error = archive.get_as("t", DType::F32).unwrap_err();
    assert_eq!(error.status(), Status::DtypeMismatch);
    assert!(error.message().starts_with("x.safetensors: tensor \"t\": i32 does not convert to f32"), "{error}");
}

#[test]
fn a_failed_save_leaves_the_old_file_and_nothing_else() {
    let directory = Directory::new("fail");
    let path = directory.file("net.safetensors");
    let bytes = {
        save(&path, entries(&[("t", tensor(DType::F32, &[3]))]), BTreeMap::new()).unwrap();
        std::fs::read(&path).unwrap()
    };
    let untouched = || {
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(directory.files(), ["net.safetensors"]);
    };
    // In the middle of the writing, by a failure and by a panic.
    let error = write_atomically(&path, |writer| {
        writer.write_all(&[1; 1 << 20]).unwrap();
        Err(Error::internal("stop"))
    });
    assert_eq!(error.unwrap_err().message(), "stop");
    untouched();
    let panicked = std::panic::catch_unwind(|| write_atomically(&path, |_| panic!("in the middle")));
    assert!(panicked.is_err());
    untouched();
    // Before it.
    let one = tensor(DType::U8, &[1]);
    let twice = ["a", "a"].map(|name| Entry { name: name.to_string(), tensor: &one });
    let error = save(&path, twice, BTreeMap::new()).unwrap_err();
    assert_eq!(
        (error.status(), error.message()),
        (Status::AlreadyExists, format!("{}: two tensors are named \"a\"", path.display()).as_str())
    );
    let reserved = [Entry { name: "__metadata__".to_string(), tensor: &one }];
    let error = save(&path, reserved, BTreeMap::new()).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().ends_with(": the tensor name \"__metadata__\" is reserved"), "{error}");
    let error = save(&path, [], strings(&[("format", "pt")])).unwrap_err();
    assert!(error.message().ends_with(": the metadata key \"format\" is reserved"), "{error}");
    untouched();
}

#[test]
fn places_that_cannot_be_written_say_so_and_stay_clean() {
    let directory = Directory::new("place");
    let absent = directory.file("absent").join("net.safetensors");
    let error = save(&absent, [], BTreeMap::new()).unwrap_err();
    assert_eq!(error.status(), Status::Io);
    assert!(error.message().starts_with(absent.to_str().unwrap()), "{error}");
    // The last step, the new name, is what fails here.
    std::fs::create_dir(directory.file("taken")).unwrap();
    assert_eq!(save(directory.file("taken"), [], BTreeMap::new()).unwrap_err().status(), Status::Io);
    assert_eq!(directory.files(), ["taken"]);
    for path in ["", "/", ".."] {
        let error = save(path, [], BTreeMap::new()).unwrap_err();
        assert_eq!((error.status(), error.message()), (Status::InvalidArgument, format!("{path:?} does not name a file").as_str()));
    }
}

#[test]
fn a_leftover_temporary_file_is_neither_used_nor_removed() {
    let directory = Directory::new("leftover");
    let leftover = format!(".tenon-{}-0.tmp", std::process::id());
    std::fs::write(directory.file(&leftover), b"somebody's").unwrap();
    save(directory.file("net"), [], BTreeMap::new()).unwrap();
    assert_eq!(directory.files(), [leftover.as_str(), "net"]);
    assert_eq!(std::fs::read(directory.file(&leftover)).unwrap(), b"somebody's");
}

#[test]
fn saves_at_once_to_one_path_leave_one_whole_file() {
    let directory = Directory::new("race");
    let path = directory.file("net.safetensors");
    std::thread::scope(|scope| {
        for writer in 1..=4usize {
            let path: &Path = &path;
            scope.spawn(move || {
                for _ in 0..5 {
                    save(path, entries(&[("t", tensor(DType::F32, &[writer * 1000]))]), BTreeMap::new()).unwrap();
                }
            });
        }
    });
    assert_eq!(directory.files(), ["net.safetensors"]);
    let (_, shape, data) = load(&path).unwrap().get("t").unwrap();
    assert_eq!(data, packed(&tensor(DType::F32, shape.dims())));
}

fn wanted(list: &[(&str, DType, &[usize])]) -> Vec<(String, DType, Shape)> {
    list.iter().map(|(name, dtype, dims)| (name.to_string(), *dtype, shape(dims))).collect()
}

fn archive_of(tensors: &[(&str, Tensor)], test: &str) -> Archive {
    let directory = Directory::new(test);
    let path = directory.file("x");
    save(&path, entries(tensors), BTreeMap::new()).unwrap();
    parse(std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_plan_says_what_matches_what_is_missing_and_what_is_left_over() {
    let tensors = [
        ("w", tensor(DType::F32, &[2, 3])),
        ("b", tensor(DType::F32, &[3])),
        ("old", tensor(DType::F32, &[1])),
        ("n", tensor(DType::I32, &[])),
    ];
    let archive = archive_of(&tensors, "plan");
    let list = wanted(&[("w", DType::F32, &[2, 3]), ("new", DType::F32, &[9]), ("b", DType::F16, &[3]), ("n", DType::I64, &[])]);
    let plan = plan_load(&list, &archive, false).unwrap();
    let matched: Vec<_> = plan.matched.iter().map(|m| (m.name.as_str(), m.from, m.to)).collect();
    assert_eq!(matched, [("w", DType::F32, DType::F32), ("b", DType::F32, DType::F16), ("n", DType::I32, DType::I64)]);
    assert_eq!(plan.missing, ["new"]);
    assert_eq!(plan.left_over, ["old"]);

    let error = plan_load(&list, &archive, true).unwrap_err();
    assert_eq!(error.status(), Status::DtypeMismatch);
    assert_eq!(error.message(), "x.safetensors: tensor \"b\" has dtype f32, but f16 is wanted, and a strict load does not convert");
    assert!(plan_load(&wanted(&[("w", DType::F32, &[2, 3])]), &archive, true).is_ok());
}

#[test]
fn a_plan_refuses_what_does_not_fit() {
    let numbers = Tensor::from_slice(&Allocator::system(), &[1i64, -1, 300], &[3]).unwrap();
    let archive = archive_of(&[("w", tensor(DType::F32, &[2, 3])), ("n", numbers)], "refuse");
    let check = |name: &str, dtype, dims: &[usize], status, expected: &str| {
        let error = plan_load(&wanted(&[(name, dtype, dims)]), &archive, false).unwrap_err();
        assert_eq!((error.status(), error.message()), (status, format!("x.safetensors: tensor {expected}").as_str()));
    };
    check("w", DType::F32, &[3, 2], Status::ShapeMismatch, "\"w\" has shape [2, 3], but [3, 2] is wanted");
    check("w", DType::F32, &[2, 3, 1], Status::ShapeMismatch, "\"w\" has shape [2, 3], but [2, 3, 1] is wanted");
    let apart = "\"w\" has dtype f32, but i32 is wanted, and one does not convert to the other";
    check("w", DType::I32, &[2, 3], Status::DtypeMismatch, apart);
    check("n", DType::U8, &[3], Status::DtypeMismatch, "\"n\" has dtype i64, but u8 is wanted: -1, element 1, does not fit u8");
    assert!(plan_load(&wanted(&[("n", DType::I32, &[3])]), &archive, false).is_ok());
    let error = plan_load(&wanted(&[("w", DType::F32, &[2, 3]), ("w", DType::F32, &[2, 3])]), &archive, false).unwrap_err();
    assert_eq!((error.status(), error.message()), (Status::AlreadyExists, "x.safetensors: tensor \"w\" is wanted twice"));
}

proptest! {
    /// Nothing that stands in a file's place brings the reader down.
    #[test]
    fn noise_is_never_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), header in 0u64..64) {
        let _ = parse(bytes.clone());
        if bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&header.to_le_bytes());
            let _ = parse(bytes);
        }
    }

    /// Headers that are valid JSON with any numbers in them agree with the reference implementation, up to what Tenon does not support.
    #[test]
    fn offsets_and_shapes_agree_with_the_reference(
        tensors in prop::collection::vec((prop::collection::vec(0u64..4, 0..3), 0u64..9, 0u64..9), 0..4),
        data in 0usize..20,
    ) {
        let fields: Vec<String> = tensors.iter().enumerate()
            .map(|(index, (shape, begin, len))| format!(r#""{index}":{{"dtype":"U8","shape":{shape:?},"data_offsets":[{begin},{}]}}"#, begin + len))
            .collect();
        let bytes = file(&format!("{{{}}}", fields.join(",")), &vec![0; data]);
        prop_assert_eq!(safetensors::SafeTensors::deserialize(&bytes).is_ok(), parse(bytes).is_ok());
    }
}
