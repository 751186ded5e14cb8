//! The header of a safetensors file: from JSON, with everything checked that a hostile file could get wrong, and to JSON.

use crate::tensor::{DType, Shape};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::Range;

/// The longest header in bytes: what the format's reference implementation accepts.
pub(super) const MAX_HEADER: u64 = 100_000_000;

/// The key under which the strings stand.
pub(super) const METADATA_KEY: &str = "__metadata__";

/// A tensor in a file: its type, and its bytes counted from the beginning of the data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub dtype: DType,
    pub shape: Shape,
    pub range: Range<u64>,
}

/// A checked header.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Header {
    pub metadata: BTreeMap<String, String>,
    pub tensors: BTreeMap<String, Place>,
}

impl Header {
    /// Parses and checks the header of a file whose data is `data_len` bytes long: dtypes, shapes, sizes, and that the tensors cover the data
    /// without gap or overlap. The text of a failure names the tensor.
    pub fn parse(json: &[u8], data_len: u64) -> Result<Header, String> {
        let raw: RawHeader = serde_json::from_slice(json).map_err(|error| format!("the header is not valid: {error}"))?;
        let mut header = Header { metadata: unique(raw.metadata, "metadata entry")?, tensors: BTreeMap::new() };
        let mut places = BTreeMap::new();
        for (name, tensor) in unique(raw.tensors, "tensor")? {
            places.insert(name.clone(), place(&tensor).map_err(|what| format!("tensor {name:?} {what}"))?);
        }
        check_cover(&places, data_len)?;
        header.tensors = places;
        Ok(header)
    }

    /// The header as JSON, names in order, padded with spaces so that the data begins at a multiple of 8 bytes.
    pub fn to_json(&self) -> String {
        let mut json = format!("{{{}:{{", quoted(METADATA_KEY));
        for (index, (key, value)) in self.metadata.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            json += &format!("{separator}{}:{}", quoted(key), quoted(value));
        }
        json.push('}');
        for (name, place) in &self.tensors {
            let dims: Vec<String> = place.shape.dims().iter().map(usize::to_string).collect();
            json += &format!(
                ",{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                quoted(name),
                dtype_name(place.dtype),
                dims.join(","),
                place.range.start,
                place.range.end
            );
        }
        json.push('}');
        while json.len() % 8 != 0 {
            json.push(' ');
        }
        json
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "F64",
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::I64 => "I64",
        DType::I32 => "I32",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}

fn place(raw: &RawTensor) -> Result<Place, String> {
    let dtype = DType::ALL.into_iter().find(|dtype| dtype_name(*dtype) == raw.dtype);
    let dtype = dtype.ok_or_else(|| format!("has dtype {:?}, which is not supported", raw.dtype))?;
    let dims: Result<Vec<usize>, _> = raw.shape.iter().map(|size| usize::try_from(*size)).collect();
    let shape = dims.map_err(|_| "does not fit the address space".to_string());
    let shape = shape.and_then(|dims| Shape::new(&dims).map_err(|error| format!("is not usable: {error}")))?;
    let (start, end) = raw.data_offsets;
    let bytes = (shape.elements() * dtype.size()) as u64;
    if end.checked_sub(start) != Some(bytes) {
        return Err(format!("is {dtype}{shape}, which takes {bytes} bytes, but its data is at {start}..{end}"));
    }
    Ok(Place { dtype, shape, range: start..end })
}

fn check_cover(places: &BTreeMap<String, Place>, data_len: u64) -> Result<(), String> {
    let mut order: Vec<(u64, u64)> = places.values().map(|place| (place.range.start, place.range.end)).collect();
    order.sort_unstable();
    let mut covered = 0;
    for (start, end) in order {
        let fault = if start < covered {
            format!("overlaps the one before it, which ends at {covered}")
        } else if start > covered {
            format!("leaves a gap after {covered}")
        } else if end > data_len {
            format!("reaches beyond the data, which ends at {data_len}")
        } else {
            covered = end;
            continue;
        };
        let name = places.iter().find(|(_, place)| place.range == (start..end)).map(|(name, _)| name.as_str()).unwrap_or_default();
        return Err(format!("tensor {name:?} at {start}..{end} {fault}"));
    }
    if covered != data_len {
        return Err(format!("the tensors end at {covered}, but the data ends at {data_len}"));
    }
    Ok(())
}

fn unique<V>(pairs: Vec<(String, V)>, what: &str) -> Result<BTreeMap<String, V>, String> {
    let mut unique = BTreeMap::new();
    for (name, value) in pairs {
        match unique.entry(name) {
            Entry::Vacant(place) => place.insert(value),
            Entry::Occupied(place) => return Err(format!("{what} {:?} occurs twice", place.key())),
        };
    }
    Ok(unique)
}

/// The JSON as it stands, repetitions included: the usual maps would hide them.
struct RawHeader {
    metadata: Vec<(String, String)>,
    tensors: Vec<(String, RawTensor)>,
}

#[derive(serde::Deserialize)]
struct RawTensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawHeader, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawHeader;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
                let mut header = RawHeader { metadata: Vec::new(), tensors: Vec::new() };
                let mut has_metadata = false;
                while let Some(name) = map.next_key::<String>()? {
                    if name != METADATA_KEY {
                        let tensor = map.next_value().map_err(|error| A::Error::custom(format!("tensor {name:?}: {error}")))?;
                        header.tensors.push((name, tensor));
                    } else if std::mem::replace(&mut has_metadata, true) {
                        return Err(A::Error::custom(format!("{METADATA_KEY} occurs twice")));
                    } else {
                        header.metadata = map.next_value::<Strings>()?.0;
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

struct Strings(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Strings, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Strings;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strings, A::Error> {
                let mut strings = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    strings.push(entry);
                }
                Ok(Strings(strings))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
