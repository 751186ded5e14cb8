//! Chapter: checkpoints.

use crate::capi::arguments::{CBool, Out, OutSlice, init_options, options, put_text, read_options, text};
use crate::capi::cell::TenonCell;
use crate::capi::error::{TenonError, TenonStatus, boundary, boundary_status};
use crate::capi::handle::Handle;
use crate::capi::optimizer::TenonOptimizer;
use crate::checkpoint::{LoadReport, load_model, save_model};
use crate::error::{Error, Result, Status};
use crate::optim::Optimizer;
use std::ffi::c_char;
use std::sync::Arc;

/// What tenon_checkpoint_load found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonLoadReport {
    /// Says nothing to a host; never compute with it. All zero is no report.
    pub id: u64,
}

/// What a report's handle stands for.
pub type ReportObject = Arc<LoadReport>;

/// The optimizer behind a handle, or none behind a zero handle.
fn optional(optimizer: TenonOptimizer) -> Result<Option<Optimizer>> {
    if optimizer.id() == 0 { Ok(None) } else { optimizer.get().map(Some) }
}

/// Saves the parameters of a cell to one safetensors file; with an optimizer all that is needed to go on with the same
/// bits as well: its state, its hyperparameters, and where the context's generators stand. A zero optimizer handle saves
/// the parameters alone.
///
/// The file is written as a whole or not at all. Steps that run meanwhile may fall between two tensors: save between
/// steps. Fails with TENON_IO, TENON_OUT_OF_MEMORY, and TENON_INVALID_ARGUMENT for an optimizer of another context. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_checkpoint_save(
    cell: TenonCell,
    optimizer: TenonOptimizer,
    path: *const c_char,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let cell = cell.get()?;
        let optimizer = optional(optimizer)?;
        save_model(&cell, optimizer.as_ref(), text(path, "path")?)
    })
}

/// Options of tenon_checkpoint_load.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonCheckpointLoadOptions {
    /// sizeof(TenonCheckpointLoadOptions), set by tenon_checkpoint_load_options_init.
    pub struct_size: usize,
    /// Names that are missing or left over are reported and no failures, and floats convert to floats, integers to
    /// integers. Default: false, strict.
    pub not_strict: CBool,
}
options!(TenonCheckpointLoadOptions { not_strict } | _options | ());

/// Fills options with the defaults. `size` is sizeof(TenonCheckpointLoadOptions). Refuses NULL and a size that is no
/// options struct's.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_checkpoint_load_options_init(options: *mut TenonCheckpointLoadOptions, size: usize) -> TenonStatus {
    boundary_status(|| init_options(options, size))
}

/// Loads what tenon_checkpoint_save saved into a cell, and into an optimizer and the generators of its context. With a
/// zero optimizer handle, training state in the file is passed over. NULL options are the defaults.
///
/// Everything is read and checked before anything changes: a failed load leaves all as it was. `report`, which may be
/// NULL, receives what was loaded, missing, and left over; the caller frees it.
///
/// Fails with TENON_NOT_FOUND for a file that is not there, TENON_IO, TENON_FORMAT for a file that is damaged or is none,
/// TENON_SHAPE_MISMATCH, TENON_OUT_OF_MEMORY; with strict also with TENON_NOT_FOUND for names that are missing in the
/// file, TENON_INVALID_ARGUMENT for names that nothing wants, TENON_DTYPE_MISMATCH. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_checkpoint_load(
    cell: TenonCell,
    optimizer: TenonOptimizer,
    path: *const c_char,
    options: *const TenonCheckpointLoadOptions,
    report: *mut TenonLoadReport,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let (cell, owner) = cell.get_with_owner()?;
        let optimizer = optional(optimizer)?;
        let path = text(path, "path")?;
        let options = read_options(options)?;
        let report = Out::optional(report, "report")?;
        let found = load_model(&cell, optimizer.as_ref(), path, !options.not_strict.get())?;
        match report {
            Some(report) => report.put_new(owner, Arc::new(found)),
            None => Ok(()),
        }
    })
}

/// Writes how many tensors were loaded, how many names were wanted and missing in the file, and how many in the file
/// nothing wanted. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_load_report_counts(
    report: TenonLoadReport,
    loaded: *mut usize,
    missing: *mut usize,
    left_over: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let report = report.get()?;
        let (loaded, missing) = (Out::new(loaded, "loaded")?, Out::new(missing, "missing")?);
        let left_over = Out::new(left_over, "left_over")?;
        loaded.put(report.loaded);
        missing.put(report.missing.len());
        left_over.put(report.left_over.len());
        Ok(())
    })
}

/// Writes the name at a position among those that were missing in the file. The text goes to `text`, which has room for
/// `capacity` bytes, its length without the NUL to `length`. NULL with capacity 0 asks for the length alone; another
/// capacity that is too small is refused. Fails with TENON_NOT_FOUND beyond the last. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_load_report_missing(
    report: TenonLoadReport,
    position: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || put_name(&report.get()?.missing, position, text, capacity, length))
}

/// tenon_load_report_missing for names in the file that nothing wanted.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_load_report_left_over(
    report: TenonLoadReport,
    position: usize,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || put_name(&report.get()?.left_over, position, text, capacity, length))
}

fn put_name(names: &[String], position: usize, text: *mut c_char, capacity: usize, length: *mut usize) -> Result<()> {
    let (text, length) = (OutSlice::new(text, capacity, "text")?, Out::new(length, "length")?);
    let name = names
        .get(position)
        .ok_or_else(|| Error::new(Status::NotFound, format!("there is no name {position}, there are {}", names.len())))?;
    put_text(text, length, name, "text")
}

/// Frees a report; zero is a no-op. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_load_report_free(report: TenonLoadReport) -> TenonStatus {
    boundary_status(|| report.free())
}
