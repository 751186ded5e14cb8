//! Chapter: which operations there are. The texts end with NUL in static memory, so that hosts may keep them. All is taken from the catalog
//! while the library is compiled: the rows themselves, with what tests build from them, do not become part of it.

use crate::capi::arguments::{OutStruct, Plain, text};
use crate::capi::error::{TenonError, TenonStatus, boundary};
use crate::error::{Error, Status};
use crate::ops::{Domain, FAMILIES, Row};
use crate::tensor::DType;
use std::ffi::c_char;

/// The order of an operation that can be differentiated any number of times: INT32_MAX.
pub const TENON_ANY_ORDER: i32 = 2147483647;

/// What there is to know about an operation. The texts are static: never free them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonOperation {
    /// The bytes of this struct that were written: as many as the caller has room for, and the library knows.
    pub struct_size: usize,
    /// The operation's name. The function that records it is tenon_ with this name behind; where the name is one way to call a
    /// function that has more, without the name's last words.
    pub name: *const c_char,
    /// What it computes, in one line.
    pub meaning: *const c_char,
    /// Shapes of operands and result; empty where it is elementwise: shapes broadcast.
    pub shapes: *const c_char,
    /// Why there is no gradient, or it is zero, or in what sense there is one; empty where it is the slope, to any order.
    pub reason: *const c_char,
    /// What PyTorch calls it; empty if it has no such thing.
    pub torch: *const c_char,
    /// What MindSpore calls it; empty if it has no such thing.
    pub mindspore: *const c_char,
    /// The fewest operands that it takes.
    pub least_operands: usize,
    /// The most; SIZE_MAX for any number.
    pub most_operands: usize,
    /// The dtypes that it takes: bit 1 << TENON_F32 and so on.
    pub dtypes: u32,
    /// To what order the CPU, the only device, differentiates it: TENON_ANY_ORDER; 1 where it is once; 0 where the gradient is zero; -1 where there is none
    /// and asking for it fails with TENON_NOT_DIFFERENTIABLE.
    pub order: i32,
}

// SAFETY: addresses and numbers.
unsafe impl Plain for TenonOperation {}

/// The number of operations. Cannot fail. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_operation_count() -> usize {
    COUNT
}

/// Writes what there is to know about operation number `index`, below tenon_operation_count(), to `operation`, which has `size` bytes:
/// sizeof(TenonOperation). The order is that of the documentation and may change between versions. Fails with
/// TENON_INVALID_ARGUMENT for an index that is too large. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_operation_at(index: usize, operation: *mut TenonOperation, size: usize, error: *mut TenonError) -> TenonStatus {
    boundary(error, || {
        let room = OutStruct::new(operation, size, "operation")?;
        if index >= COUNT {
            return Err(Error::invalid(format!("there is no operation {index}: there are {COUNT}")));
        }
        room.put(describe(index));
        Ok(())
    })
}

/// tenon_operation_at for the operation with this name. Fails with TENON_NOT_FOUND if there is none. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_operation_find(
    name: *const c_char,
    operation: *mut TenonOperation,
    size: usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (name, room) = (text(name, "name")?, OutStruct::new(operation, size, "operation")?);
        let index =
            (0..COUNT).find(|index| TEXTS[STARTS[*index][0] as usize..].strip_prefix(name.as_bytes()).is_some_and(|rest| rest[0] == 0));
        let index = index.ok_or_else(|| Error::new(Status::NotFound, format!("there is no operation {name}")))?;
        room.put(describe(index));
        Ok(())
    })
}

fn describe(index: usize) -> TenonOperation {
    let text = |column: usize| (&raw const TEXTS[STARTS[index][column] as usize]).cast::<c_char>();
    let Facts { arity: (least_operands, most_operands), domain, order } = FACTS[index];
    let dtypes = DType::ALL.into_iter().filter(|dtype| domain.contains(*dtype)).map(|dtype| 1 << dtype as u32).sum();
    let [name, meaning, shapes, reason, torch, mindspore] = std::array::from_fn(text);
    let struct_size = size_of::<TenonOperation>();
    TenonOperation { struct_size, name, meaning, shapes, reason, torch, mindspore, least_operands, most_operands, dtypes, order }
}

/// What a row says beside its texts.
#[derive(Clone, Copy)]
struct Facts {
    arity: (usize, usize),
    domain: Domain,
    order: i32,
}

static FACTS: [Facts; COUNT] = {
    let mut facts = [Facts { arity: (0, 0), domain: Domain::Any, order: 0 }; COUNT];
    let mut index = 0;
    while index < COUNT {
        let row = row(index);
        facts[index] = Facts { arity: row.arity(), domain: row.domain, order: row.order() };
        index += 1;
    }
    facts
};

// ---- texts with NUL, joined while compiling ----

const COLUMNS: usize = 6;

/// What a column holds: two texts, one behind the other.
const fn column(row: &Row, column: usize) -> [&'static str; 2] {
    match column {
        0 => ["", row.name],
        1 => ["", row.meaning],
        2 => ["", row.shapes],
        3 => ["", row.reason()],
        4 => row.in_torch(),
        _ => row.in_mindspore(),
    }
}

const COUNT: usize = {
    let (mut count, mut family) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].rows.len();
        family += 1;
    }
    count
};

const fn row(index: usize) -> &'static Row {
    let (mut index, mut family) = (index, 0);
    while index >= FAMILIES[family].rows.len() {
        index -= FAMILIES[family].rows.len();
        family += 1;
    }
    &FAMILIES[family].rows[index]
}

/// Where each text of each row begins.
static STARTS: [[u32; COLUMNS]; COUNT] = LAYOUT.0;
/// All texts, each with its NUL.
static TEXTS: [u8; LAYOUT.1] = {
    let mut texts = [0; LAYOUT.1];
    let mut index = 0;
    while index < COUNT {
        let mut number = 0;
        while number < COLUMNS {
            let [head, tail] = column(row(index), number);
            let start = LAYOUT.0[index][number] as usize;
            copy(head, &mut texts, start);
            copy(tail, &mut texts, start + head.len());
            number += 1;
        }
        index += 1;
    }
    texts
};

const fn copy(text: &str, texts: &mut [u8], start: usize) {
    let mut index = 0;
    while index < text.len() {
        texts[start + index] = text.as_bytes()[index];
        index += 1;
    }
}

const LAYOUT: ([[u32; COLUMNS]; COUNT], usize) = {
    let mut starts = [[0; COLUMNS]; COUNT];
    let (mut end, mut index) = (0usize, 0);
    while index < COUNT {
        let mut number = 0;
        while number < COLUMNS {
            let [head, tail] = column(row(index), number);
            starts[index][number] = end as u32;
            end += head.len() + tail.len() + 1;
            number += 1;
        }
        index += 1;
    }
    (starts, end)
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::catalog;
    use std::ffi::CStr;

    #[test]
    fn the_texts_are_those_of_the_catalog() {
        assert_eq!(catalog().count(), COUNT);
        for (index, row) in catalog().enumerate() {
            let described = describe(index);
            let (torch, mindspore) = (row.in_torch().concat(), row.in_mindspore().concat());
            let pairs = [
                (described.name, row.name),
                (described.meaning, row.meaning),
                (described.shapes, row.shapes),
                (described.reason, row.reason()),
                (described.torch, &torch),
                (described.mindspore, &mindspore),
            ];
            for (found, expected) in pairs {
                // SAFETY: static texts with NUL.
                assert_eq!(unsafe { CStr::from_ptr(found) }.to_str(), Ok(expected));
            }
        }
    }
}
