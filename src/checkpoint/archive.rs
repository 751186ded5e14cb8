//! Reading: a file whose header was checked, and the bytes of its tensors one at a time.
//!
//! The file is read, not mapped: if another process cut a mapped file short, the host would die of a signal instead of getting a status.

use super::header::{Header, MAX_HEADER, Place};
use crate::error::{Error, Result, Status};
use crate::tensor::{DType, Shape, convert};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The bytes of the length before the header.
const LENGTH: usize = 8;

/// An open checkpoint. Its header is checked and held; data stays in the file (or buffer) until it is asked for. Methods may be called from any
/// thread.
pub struct Archive {
    /// The path, for errors.
    name: String,
    header: Header,
    /// Where the data begins in the source.
    data_begin: u64,
    source: Source,
}

enum Source {
    File(Mutex<File>),
    Memory(Vec<u8>),
}

/// Opens a safetensors file and checks all of its header. Fails with NOT_FOUND if there is no such file, with IO if it cannot be read, with FORMAT
/// if it is not what it should be; the text names the file and, where one is at fault, the tensor.
pub fn load(path: impl AsRef<Path>) -> Result<Archive> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let failed = |error: std::io::Error| {
        let status = if error.kind() == std::io::ErrorKind::NotFound { Status::NotFound } else { Status::Io };
        Error::new(status, format!("{name}: {error}"))
    };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::new(Status::Io, format!("{name}: not a regular file")));
    }
    let mut file = File::open(path).map_err(failed)?;
    let file_len = file.metadata().map_err(failed)?.len();
    let mut length = [0; LENGTH];
    if file_len >= LENGTH as u64 {
        file.read_exact(&mut length).map_err(failed)?;
    }
    let header_len = check_length(length, file_len).map_err(|what| format_error(&name, &what))?;
    let mut json = Vec::new();
    json.try_reserve_exact(header_len as usize).map_err(|_| out_of_memory(&name, header_len))?;
    json.resize(header_len as usize, 0);
    file.read_exact(&mut json).map_err(failed)?;
    Archive::new(name, &json, header_len, file_len, Source::File(Mutex::new(file)))
}

impl Archive {
    /// A checkpoint in memory: the bytes of a file. `name` stands in errors. Fails with FORMAT as [`load`] does.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Archive> {
        let length = bytes.first_chunk().copied().unwrap_or_default();
        let file_len = bytes.len() as u64;
        let header_len = check_length(length, file_len).map_err(|what| format_error(name, &what))?;
        let json = bytes[LENGTH..LENGTH + header_len as usize].to_vec();
        Archive::new(name.to_string(), &json, header_len, file_len, Source::Memory(bytes))
    }

    fn new(name: String, json: &[u8], header_len: u64, file_len: u64, source: Source) -> Result<Archive> {
        let data_begin = LENGTH as u64 + header_len;
        let header = Header::parse(json, file_len - data_begin).map_err(|what| format_error(&name, &what))?;
        Ok(Archive { name, header, data_begin, source })
    }

    /// The path or name that the archive was opened with.
    pub fn path(&self) -> &str {
        &self.name
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// All strings, the format's own among them.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// Dtype and shape of a tensor, or `None` if there is none of this name.
    pub fn info(&self, name: &str) -> Option<(DType, Shape)> {
        self.header.tensors.get(name).map(|place| (place.dtype, place.shape))
    }

    /// A tensor's elements in row-major order. Fails with NOT_FOUND, with IO if the file can no longer be read, with OUT_OF_MEMORY.
    pub fn get(&self, name: &str) -> Result<(DType, Shape, Vec<u8>)> {
        let place = self.place(name)?;
        let bytes = place.range.end - place.range.start;
        let mut data = Vec::new();
        data.try_reserve_exact(bytes as usize).map_err(|_| out_of_memory(&self.name, bytes))?;
        data.resize(bytes as usize, 0);
        self.read(name, &mut data)?;
        Ok((place.dtype, place.shape, data))
    }

    /// A tensor's elements as another dtype, by the rules of [`convert`].
    pub fn get_as(&self, name: &str, dtype: DType) -> Result<Vec<u8>> {
        let (from, shape, data) = self.get(name)?;
        if from == dtype {
            return Ok(data);
        }
        let bytes = shape.elements() * dtype.size();
        let mut converted = Vec::new();
        converted.try_reserve_exact(bytes).map_err(|_| out_of_memory(&self.name, bytes as u64))?;
        converted.resize(bytes, 0);
        convert(from, &data, dtype, &mut converted).map_err(|error| error.within(&self.tensor(name)))?;
        Ok(converted)
    }

    /// [`Archive::get`] into memory of the caller, which must have exactly the size of the elements (else INVALID_ARGUMENT). `target` is
    /// partly written after an IO failure.
    pub fn read(&self, name: &str, target: &mut [u8]) -> Result<()> {
        let range = &self.place(name)?.range;
        if range.end - range.start != target.len() as u64 {
            let (have, want) = (range.end - range.start, target.len());
            return Err(Error::invalid(format!("{} has {have} bytes, not {want}", self.tensor(name))));
        }
        let begin = self.data_begin + range.start;
        match &self.source {
            Source::Memory(bytes) => target.copy_from_slice(&bytes[begin as usize..begin as usize + target.len()]),
            Source::File(file) => {
                let mut file = file.lock();
                let read = file.seek(SeekFrom::Start(begin)).and_then(|_| file.read_exact(target));
                read.map_err(|error| Error::new(Status::Io, format!("{}: {error}", self.tensor(name))))?;
            }
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Result<&Place> {
        let missing = || Error::new(Status::NotFound, format!("{}: there is no tensor {name:?}", self.name));
        self.header.tensors.get(name).ok_or_else(missing)
    }

    /// File and tensor, for errors.
    pub(super) fn tensor(&self, name: &str) -> String {
        format!("{}: tensor {name:?}", self.name)
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("name", &self.name).field("header", &self.header).finish_non_exhaustive()
    }
}

/// The length of the header, if the file can hold it.
fn check_length(length: [u8; LENGTH], file_len: u64) -> Result<u64, String> {
    if file_len < LENGTH as u64 {
        return Err(format!("not a safetensors file: {file_len} bytes are too few"));
    }
    let header_len = u64::from_le_bytes(length);
    let rest = file_len - LENGTH as u64;
    if header_len > MAX_HEADER {
        return Err(format!("not a safetensors file: a header of {header_len} bytes is longer than the {MAX_HEADER} that are permitted"));
    }
    if header_len > rest {
        return Err(format!("the file is cut short: a header of {header_len} bytes does not fit the {rest} that follow"));
    }
    Ok(header_len)
}

fn format_error(name: &str, what: &str) -> Error {
    Error::new(Status::Format, format!("{name}: {what}"))
}

fn out_of_memory(name: &str, bytes: u64) -> Error {
    Error::new(Status::OutOfMemory, format!("{name}: {bytes} bytes could not be allocated"))
}
