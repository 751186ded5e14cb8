//! Writing: a new file beside the old one, complete and on the disk before it takes the old one's name.

use super::header::{Header, MAX_HEADER, METADATA_KEY, Place};
use crate::error::{Error, Result, Status};
use crate::tensor::Tensor;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A tensor and the name that it is saved under.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Unique within the file.
    pub name: String,
    /// Of any layout.
    pub tensor: &'a Tensor,
}

/// Metadata that every file carries.
const OWN_METADATA: [(&str, &str); 2] = [("format", "tenon"), ("version", "1")];

/// Saves tensors of any layout to a safetensors file, names in order, with `format: tenon` and `version: 1` beside the given metadata.
///
/// The file appears under `path` only when it is complete and on the disk; until then, and on every failure before that, a file that was there is
/// untouched. A symbolic link at `path` is replaced, not followed. Tensors are written one at a time: each holds what it held at
/// one moment, but only the caller can keep others from changing in between.
///
/// Fails with INVALID_ARGUMENT for a name that is reserved or a path without a file name, with ALREADY_EXISTS if two tensors have one name, with IO
/// if the operating system refuses.
pub fn save<'a>(path: impl AsRef<Path>, entries: impl IntoIterator<Item = Entry<'a>>, metadata: BTreeMap<String, String>) -> Result<()> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let (header, tensors) = arrange(entries, metadata).map_err(|error| error.within(&name))?;
    let json = header.to_json();
    if json.len() as u64 > MAX_HEADER {
        return Err(Error::invalid(format!(
            "{name}: a header of {} bytes is longer than the {MAX_HEADER} that readers accept",
            json.len()
        )));
    }
    write_atomically(path, |writer| {
        let io = |error: std::io::Error| Error::new(Status::Io, format!("{name}: {error}"));
        writer.write_all(&(json.len() as u64).to_le_bytes()).and_then(|()| writer.write_all(json.as_bytes())).map_err(io)?;
        tensors.values().try_for_each(|tensor| write_tensor(writer, tensor, &name))
    })
}

/// Lets `body` write a new file and gives it the name `path` when it is complete and on the disk.
pub(super) fn write_atomically(path: &Path, body: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let name = path.display();
    if path.file_name().is_none() {
        return Err(Error::invalid(format!("{:?} does not name a file", path)));
    }
    let io = |error: std::io::Error| Error::new(Status::Io, format!("{name}: {error}"));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (mut temporary, file) = Temporary::create(parent).map_err(io)?;
    let mut writer = BufWriter::with_capacity(1 << 18, file);
    body(&mut writer)?;
    let file = writer.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)?;
    drop(file);
    std::fs::rename(&temporary.path, path).map_err(io)?;
    temporary.is_gone = true;
    // Without this the new name might not survive a loss of power, though whole files would.
    sync_directory(parent)
        .map_err(|error| Error::new(Status::Io, format!("{name}: written, but its directory could not be synchronized: {error}")))
}

type Arranged<'a> = (Header, BTreeMap<String, &'a Tensor>);

fn arrange<'a>(entries: impl IntoIterator<Item = Entry<'a>>, metadata: BTreeMap<String, String>) -> Result<Arranged<'a>> {
    let mut header = Header { metadata, ..Header::default() };
    for (key, value) in OWN_METADATA {
        if header.metadata.insert(key.to_string(), value.to_string()).is_some() {
            return Err(Error::invalid(format!("the metadata key {key:?} is reserved")));
        }
    }
    let mut tensors = BTreeMap::new();
    for Entry { name, tensor } in entries {
        if name == METADATA_KEY {
            return Err(Error::invalid(format!("the tensor name {name:?} is reserved")));
        }
        if tensors.contains_key(&name) {
            return Err(Error::new(Status::AlreadyExists, format!("two tensors are named {name:?}")));
        }
        tensors.insert(name, tensor);
    }
    let mut begin = 0u64;
    for (name, tensor) in &tensors {
        let end = begin.checked_add(tensor.bytes() as u64).ok_or_else(|| Error::invalid("the tensors are too large for one file"))?;
        header.tensors.insert(name.clone(), Place { dtype: tensor.dtype(), shape: *tensor.shape(), range: begin..end });
        begin = end;
    }
    Ok((header, tensors))
}

fn write_tensor(writer: &mut impl Write, tensor: &Tensor, name: &str) -> Result<()> {
    let io = |error: std::io::Error| Error::new(Status::Io, format!("{name}: {error}"));
    if let Some(written) = tensor.with_bytes(|bytes| writer.write_all(bytes)) {
        return written.map_err(io);
    }
    let mut bytes = Vec::new();
    let refused = |_| Error::new(Status::OutOfMemory, format!("{name}: {} bytes could not be allocated", tensor.bytes()));
    bytes.try_reserve_exact(tensor.bytes()).map_err(refused)?;
    bytes.resize(tensor.bytes(), 0);
    tensor.read_bytes(&mut bytes)?;
    writer.write_all(&bytes).map_err(io)
}

/// A file under a name of its own that goes unless it was renamed.
struct Temporary {
    path: PathBuf,
    is_gone: bool,
}

impl Temporary {
    /// Never opens a file that exists: the name may be somebody else's, or left over from a process that died.
    fn create(directory: &Path) -> std::io::Result<(Temporary, File)> {
        let process = std::process::id();
        let mut attempt = 0u32;
        loop {
            let path = directory.join(format!(".tenon-{process}-{attempt}.tmp"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Temporary { path, is_gone: false }, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < 10_000 => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_gone {
            // The failure that brought us here is the one to report.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> std::io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some file systems know no such thing for directories; there is nothing more to do on them.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> std::io::Result<()> {
    Ok(())
}
