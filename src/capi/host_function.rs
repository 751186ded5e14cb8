//! Chapter: functions of the host.

use crate::capi::arguments::{HostCallback, Out, text};
use crate::capi::context::TenonContext;
use crate::capi::error::{TenonDropFunction, TenonError, TenonStatus, boundary};
use crate::capi::function::{TenonFunction, check_count};
use crate::capi::handle::Owner;
use crate::capi::tensor::TenonDType;
use crate::capi::transform::{CallGradientRecorder, GradientRecorder, HostGradient, TenonGradientFunction};
use crate::error::{Error, Result};
use crate::ir::{HostArray, HostFunction, Type};
use crate::tensor::{DType, MAX_RANK, Shape};
use crate::train::{Function, custom_gradient};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Dtype and shape.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonType {
    pub dtype: TenonDType,
    /// How many dimensions, at most 8.
    pub rank: i32,
    /// Their sizes; the others are ignored.
    pub shape: [i64; 8],
}

/// An operand or a result of a function of the host.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TenonHostArray {
    /// The elements, row-major without gaps.
    pub data: *mut c_void,
    pub r#type: TenonType,
}

/// Says what types the results have for operands of these types: writes one for each output, or returns another status
/// than TENON_OK to refuse the operands. Called while a graph is recorded, on any thread.
pub type TenonHostTypesFunction =
    Option<extern "C" fn(user: *mut c_void, inputs: *const TenonType, outputs: *mut TenonType) -> TenonStatus>;

/// Computes the results from the operands, all of them, from nothing else. Called whenever a program runs that holds the
/// function, on the thread that runs it, for two programs perhaps at the same time. A status other than TENON_OK fails the
/// run, which then changes nothing. It may not run, free, or wait for what it is a part of.
pub type TenonHostRunFunction =
    Option<extern "C" fn(user: *mut c_void, inputs: *const TenonHostArray, outputs: *const TenonHostArray) -> TenonStatus>;

/// The callbacks, which share a user pointer.
#[derive(Clone, Copy)]
struct Functions {
    types: extern "C" fn(user: *mut c_void, inputs: *const TenonType, outputs: *mut TenonType) -> TenonStatus,
    run: extern "C" fn(user: *mut c_void, inputs: *const TenonHostArray, outputs: *const TenonHostArray) -> TenonStatus,
    gradient: TenonGradientFunction,
}

struct Host {
    name: String,
    callback: HostCallback<Functions>,
    input_count: usize,
    output_count: usize,
}

impl From<Type> for TenonType {
    fn from(ty: Type) -> TenonType {
        let mut shape = [0; MAX_RANK];
        shape.iter_mut().zip(ty.shape.dims()).for_each(|(to, size)| *to = *size as i64);
        TenonType { dtype: ty.dtype as TenonDType, rank: ty.shape.rank() as i32, shape }
    }
}

impl HostFunction for Host {
    fn name(&self) -> &str {
        &self.name
    }
    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>> {
        if inputs.len() != self.input_count {
            return Err(Error::invalid(format!("takes {} inputs, not {}", self.input_count, inputs.len())));
        }
        let inputs: Vec<TenonType> = inputs.iter().map(|ty| TenonType::from(*ty)).collect();
        let mut outputs = vec![TenonType { dtype: -1, rank: -1, shape: [0; 8] }; self.output_count];
        self.callback.call("types", |functions, user| (functions.types)(user, inputs.as_ptr(), outputs.as_mut_ptr()))?;
        let ty = |(index, ty): (usize, &TenonType)| {
            let read = || {
                let rank = usize::try_from(ty.rank).ok().filter(|rank| *rank <= MAX_RANK);
                let rank = rank.ok_or_else(|| Error::shape(format!("{} dimensions", ty.rank)))?;
                Ok(Type::new(DType::from_code(ty.dtype)?, Shape::from_signed(&ty.shape[..rank])?))
            };
            read().map_err(|error: Error| error.within(&format!("the types callback left output {index}")))
        };
        outputs.iter().enumerate().map(ty).collect()
    }
    unsafe fn run(&self, inputs: &[HostArray], outputs: &[HostArray]) -> Result<()> {
        let array = |array: &HostArray| TenonHostArray { data: array.data.cast(), r#type: array.ty.into() };
        const FEW: usize = 16;
        let nothing = TenonHostArray { data: std::ptr::null_mut(), r#type: TenonType { dtype: 0, rank: 0, shape: [0; 8] } };
        let call = |inputs: &[TenonHostArray], outputs: &[TenonHostArray]| {
            self.callback.call("run", |functions, user| (functions.run)(user, inputs.as_ptr(), outputs.as_ptr()))
        };
        // Runs allocate nothing as long as there are few of them.
        if inputs.len() <= FEW && outputs.len() <= FEW {
            let (mut given, mut made) = ([nothing; FEW], [nothing; FEW]);
            given.iter_mut().zip(inputs).for_each(|(to, from)| *to = array(from));
            made.iter_mut().zip(outputs).for_each(|(to, from)| *to = array(from));
            return call(&given[..inputs.len()], &made[..outputs.len()]);
        }
        let (given, made): (Vec<_>, Vec<_>) = (inputs.iter().map(array).collect(), outputs.iter().map(array).collect());
        call(&given, &made)
    }
}

impl CallGradientRecorder for Host {
    fn call(&self, call: &mut dyn FnMut(GradientRecorder, *mut c_void) -> TenonStatus) -> Result<()> {
        self.callback.call("gradient", |functions, user| match functions.gradient {
            Some(gradient) => call(gradient, user),
            None => Error::internal("there is no gradient").status() as TenonStatus,
        })
    }
}

/// Makes a function that the host computes: an operation of its own, which records, differentiates, and runs like any
/// other. `types` says what shapes and dtypes come out, `run` computes them, `gradient` records the gradient, which may
/// call other such functions; NULL for a function that has none: taking its gradient fails with
/// TENON_NOT_DIFFERENTIABLE. `name` stands in error texts.
///
/// The callbacks share `user`; `drop` is called once with it when the last function that is made from this one has gone,
/// or before this call returns if it fails. The caller frees the function. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn tenon_host_function_new(
    context: TenonContext,
    name: *const c_char,
    types: TenonHostTypesFunction,
    run: TenonHostRunFunction,
    gradient: TenonGradientFunction,
    user: *mut c_void,
    drop: TenonDropFunction,
    input_count: usize,
    output_count: usize,
    function: *mut TenonFunction,
    error: *mut TenonError,
) -> TenonStatus {
    boundary(error, || {
        let functions = types.zip(run).map(|(types, run)| Functions { types, run, gradient });
        let callback = HostCallback::<Functions>::new(functions, user, drop, "types or run")?;
        let (context, owner) = Owner::context(context)?;
        let function = Out::new(function, "function")?;
        check_count(input_count, "input_count")?;
        check_count(output_count, "output_count")?;
        let host = Arc::new(Host { name: text(name, "name")?.to_string(), callback, input_count, output_count });
        let forward: Arc<dyn HostFunction> = host.clone();
        let made = Function::with_counts(&context, Some(input_count), Some(output_count), move |g, inputs| g.host_call(&forward, inputs));
        let made = match gradient {
            None => made,
            Some(_) => custom_gradient(&made, Arc::new(HostGradient { callback: host, owner })),
        };
        function.put_new(owner, made)
    })
}
