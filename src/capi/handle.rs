//! Handles: what a host holds instead of pointers, and the tables that know whether one is good.
//!
//! A handle is 64 bits: a kind, an index into the table of that kind, the generation of that slot, and a salt of this
//! loaded copy of the library. A lookup tells a zero handle, one of another kind, a freed one, and one that this copy
//! never made apart, whatever the host passes. Slots are used again with the next generation; a slot that has no
//! generation left is retired, so no handle ever comes to mean another object.
//!
//! Every object belongs to the context that it was made in (its owner) and is freed with it. Tables hold
//! reference-counted objects: freeing a handle never pulls anything out from under a call that looked it up before.
//! Objects are dropped when no lock is held, because their destructors may run host callbacks that call back in.
//!
//! The locks are those of `std` (a futex without allocation or thread-local destructor), so that the library can be
//! unloaded; a table that becomes empty with its last context gives its memory back.

use crate::capi::arguments::{Out, OutSlice, Plain};
use crate::error::{Error, Result, Status};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A handle struct of the header: `#[repr(C)] struct TenonTensor { id: u64 }`.
pub trait Handle: Plain {
    /// What a handle of this kind stands for. A clone is another reference to the same object.
    type Object: Clone + Send + Sync + 'static;
    /// Part of every id of this kind.
    const KIND: u64;
    /// What a person calls the kind: "tensor".
    const NAME: &'static str;

    fn id(self) -> u64;
    fn from_id(id: u64) -> Self;
    #[doc(hidden)]
    fn table() -> &'static Table<Self::Object>;

    /// The object, kept alive by the returned reference whatever happens to the handle.
    fn get(self) -> Result<Self::Object> {
        self.get_with_owner().map(|(object, _)| object)
    }

    /// The object and the context that it was made in: the owner of whatever the call makes from it.
    fn get_with_owner(self) -> Result<(Self::Object, Owner)> {
        let slot = decode::<Self>(self.id())?;
        Self::table().read().find(slot).map(|found| (found.object.clone(), found.owner)).map_err(|lost| lost.into_error::<Self>())
    }

    /// Frees the handle; zero is a no-op. The object lives on while something else refers to it.
    fn free(self) -> Result<()> {
        if self.id() == 0 {
            return Ok(());
        }
        let slot = decode::<Self>(self.id())?;
        let object = Self::table().write().take(slot).map_err(|lost| lost.into_error::<Self>())?;
        drop(object); // The table's lock was released in the line above.
        Ok(())
    }
}

/// The id of the context that an object belongs to; zero for contexts themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u64);

impl Owner {
    /// What contexts belong to.
    pub const NONE: Owner = Owner(0);

    /// The context behind a handle, and the owner of everything that is made in it. Fails if the handle is bad.
    pub fn context(context: TenonContext) -> Result<(Context, Owner)> {
        Ok((context.get()?, Owner(context.id())))
    }
    /// The handle of the context.
    pub fn handle(self) -> TenonContext {
        TenonContext::from_id(self.0)
    }
}

impl<H: Handle> Out<H> {
    /// Makes a handle of `object` and writes it to the host. Fails, with the output untouched, if the owner was freed
    /// meanwhile.
    pub fn put_new(self, owner: Owner, object: H::Object) -> Result<()> {
        insert_many::<H>(owner, std::iter::once(object), |_, handle| self.put_at(handle))
    }
}

impl<H: Handle> OutSlice<H> {
    /// Makes a handle of each object and writes all of them to the host, or on failure none. Allocates nothing if as
    /// many handles of this kind were freed before. The number of objects must be that of the slice.
    pub fn put_new<I>(self, owner: Owner, objects: I) -> Result<()>
    where
        I: IntoIterator<Item = H::Object>,
        I::IntoIter: ExactSizeIterator,
    {
        let objects = objects.into_iter();
        if objects.len() != self.len() {
            return Err(Error::internal(format!("{} results for {} outputs", objects.len(), self.len())));
        }
        insert_many::<H>(owner, objects, |index, handle| self.put_at(index, handle))
    }
}

/// Makes a handle for each object, or on failure for none, and hands each to `write` in order.
fn insert_many<H: Handle>(owner: Owner, objects: impl ExactSizeIterator<Item = H::Object>, write: impl FnMut(usize, H)) -> Result<()> {
    let (base, mut write) = (id_base::<H>(), write);
    let mut table = H::table().write();
    // Under this table's lock: a context is freed before the tables are swept, so either this sees that or the sweep
    // sees what is made here.
    if owner != Owner::NONE && H::KIND != TenonContext::KIND {
        let slot = decode::<TenonContext>(owner.0)?;
        TenonContext::table().read().find(slot).map_err(|lost| lost.into_error::<TenonContext>())?;
    }
    table.reserve(objects.len())?;
    for (position, object) in objects.enumerate() {
        let slot = table.insert(owner, object);
        write(position, H::from_id(base | slot.encode()));
    }
    Ok(())
}

macro_rules! handles {
    ($($kind:literal => $handle:path, $object:ty, $name:literal;)*) => {
        $(
            // SAFETY: one integer.
            unsafe impl Plain for $handle {}

            impl Handle for $handle {
                type Object = $object;
                const KIND: u64 = $kind;
                const NAME: &'static str = $name;
                fn id(self) -> u64 {
                    self.id
                }
                fn from_id(id: u64) -> Self {
                    Self { id }
                }
                fn table() -> &'static Table<$object> {
                    static TABLE: Table<$object> = Table::new();
                    &TABLE
                }
            }
        )*

        /// What a person calls the kind of this number.
        fn kind_name(kind: u64) -> Option<&'static str> {
            match kind {
                $($kind => Some($name),)*
                _ => None,
            }
        }

        /// Frees a context and everything that was made in it; zero is a no-op. Handles of all that answer
        /// `INVALID_HANDLE` afterwards.
        ///
        /// Objects that a running call holds live until it returns.
        pub fn free_context(context: TenonContext) -> Result<()> {
            if context.id() == 0 {
                return Ok(());
            }
            let slot = decode::<TenonContext>(context.id())?;
            let object = TenonContext::table().write().take(slot).map_err(|lost| lost.into_error::<TenonContext>())?;
            $(<$handle>::table().free_all_of(Owner(context.id()));)*
            drop(object);
            $(<$handle>::table().release_if_empty();)*
            Ok(())
        }
    };
}

use crate::capi::cell::TenonCell;
use crate::capi::checkpoint::{ReportObject, TenonLoadReport};
use crate::capi::context::TenonContext;
use crate::capi::function::TenonFunction;
use crate::capi::generator::TenonGenerator;
use crate::capi::graph::TenonGraph;
use crate::capi::optimizer::TenonOptimizer;
use crate::capi::parameter::TenonParameter;
use crate::capi::record::GraphObject;
use crate::capi::tensor::TenonTensor;
use crate::capi::train_step::{StepObject, TenonTrainStep};
use crate::context::{Context, Generator};
use crate::nn::{Cell, Parameter};
use crate::optim::Optimizer;
use crate::tensor::Tensor;
use crate::train::Function;

// One line for each kind: its number (part of an id, 1 to 31, never used again), its struct, what it stands for, what a
// person calls it.
handles! {
    1 => TenonContext, Context, "context";
    2 => TenonTensor, Tensor, "tensor";
    3 => TenonGenerator, Generator, "generator";
    4 => TenonParameter, Parameter, "parameter";
    5 => TenonGraph, GraphObject, "graph";
    6 => TenonFunction, Function, "function";
    7 => TenonCell, Cell, "cell";
    8 => TenonOptimizer, Optimizer, "optimizer";
    9 => TenonTrainStep, StepObject, "train step";
    10 => TenonLoadReport, ReportObject, "load report";
}

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 20;
const KIND_BITS: u32 = 5;
const SALT_BITS: u32 = 15;
const KIND_SHIFT: u32 = INDEX_BITS + GENERATION_BITS;
const SALT_SHIFT: u32 = KIND_SHIFT + KIND_BITS;
const MOST_SLOTS: usize = 1 << INDEX_BITS;
const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;
const _: () = assert!(SALT_SHIFT + SALT_BITS == 64);

/// Where an id points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlotId {
    index: u32,
    generation: u32,
}

impl SlotId {
    fn encode(self) -> u64 {
        (self.generation as u64) << INDEX_BITS | self.index as u64
    }
}

/// Why a well-formed id leads to no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    Freed,
    NeverMade,
}

impl Lost {
    #[cold]
    fn into_error<H: Handle>(self) -> Error {
        let name = H::NAME;
        Error::new(
            Status::InvalidHandle,
            match self {
                Lost::Freed => format!("the {name} handle is stale: the {name} was freed, or the context that it was made in"),
                Lost::NeverMade => format!("the {name} handle was not made by this copy of the library"),
            },
        )
    }
}

/// Kind and salt of every id of this kind.
fn id_base<H: Handle>() -> u64 {
    salt() << SALT_SHIFT | H::KIND << KIND_SHIFT
}

/// Checks what an id says about itself.
fn decode<H: Handle>(id: u64) -> Result<SlotId> {
    if id >> KIND_SHIFT != id_base::<H>() >> KIND_SHIFT {
        return Err(misplaced::<H>(id));
    }
    Ok(SlotId { index: id as u32 & (MOST_SLOTS as u32 - 1), generation: (id >> INDEX_BITS) as u32 & LAST_GENERATION })
}

#[cold]
fn misplaced<H: Handle>(id: u64) -> Error {
    let name = H::NAME;
    if id == 0 {
        return Error::new(Status::InvalidHandle, format!("the {name} handle is zero"));
    }
    match kind_name(id >> KIND_SHIFT & ((1 << KIND_BITS) - 1)) {
        Some(other) if id >> SALT_SHIFT == salt() && other != name => {
            Error::new(Status::InvalidHandle, format!("a {other} handle was passed where a {name} handle is expected"))
        }
        _ => Lost::NeverMade.into_error::<H>(),
    }
}

/// A number that tells this loaded copy of the library from others in the process, and from an earlier one at the same
/// address. Never zero.
fn salt() -> u64 {
    static SALT: AtomicU32 = AtomicU32::new(0);
    match SALT.load(Ordering::Relaxed) {
        0 => {
            let fresh = random_below((1 << SALT_BITS) - 1) + 1;
            match SALT.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => fresh as u64,
                Err(first) => first as u64,
            }
        }
        salt => salt as u64,
    }
}

/// A number from the operating system's randomness, drawn once for each table; nothing that is computed depends on it.
fn random_below(limit: u32) -> u32 {
    (RandomState::new().build_hasher().finish() % limit as u64) as u32
}

/// All objects of one kind.
pub struct Table<T> {
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// Slots to use again, the last freed first. Has room for every slot, so that freeing never allocates.
    free: Vec<u32>,
    live: usize,
    /// The generation that the table began with: random, so that a foreign id with an equal salt is told apart all the
    /// same. Zero before the first use.
    first_generation: u32,
    /// The generation of a new slot: no smaller than any that this table ever gave out to an index beyond the present
    /// slots.
    next_generation: u32,
}

struct Slot<T> {
    /// Of the object here, or of the next one; beyond the last if the slot is retired.
    generation: u32,
    owner: Owner,
    object: Option<T>,
}

struct Found<'a, T> {
    object: &'a T,
    owner: Owner,
}

impl<T> Table<T> {
    const fn new() -> Table<T> {
        Table { slots: RwLock::new(Slots { slots: Vec::new(), free: Vec::new(), live: 0, first_generation: 0, next_generation: 0 }) }
    }
    fn read(&self) -> RwLockReadGuard<'_, Slots<T>> {
        // No host code and no destructor runs under the lock, and each change is complete between any two statements
        // that can panic.
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Slots<T>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops every object of this owner, one at a time and outside of the lock. The owner must be dead, so that none is
    /// added behind the scan.
    fn free_all_of(&self, owner: Owner) {
        let mut from = 0;
        loop {
            let taken = self.write().take_next_of(owner, from);
            match taken {
                Some((object, index)) => {
                    drop(object);
                    from = index + 1;
                }
                None => return,
            }
        }
    }

    /// Gives the memory of an empty table back. Generations go on from the highest that was in use.
    fn release_if_empty(&self) {
        let released = {
            let mut table = self.write();
            let highest = table.slots.iter().map(|slot| slot.generation).max().unwrap_or(0);
            // One much used slot must not use up the generations of all.
            if table.live != 0 || highest > LAST_GENERATION / 2 {
                return;
            }
            table.next_generation = table.next_generation.max(highest);
            (std::mem::take(&mut table.slots), std::mem::take(&mut table.free))
        };
        drop(released);
    }
}

impl<T> Slots<T> {
    fn find(&self, id: SlotId) -> Result<Found<'_, T>, Lost> {
        match self.slots.get(id.index as usize) {
            Some(Slot { generation, owner, object: Some(object) }) if *generation == id.generation => Ok(Found { object, owner: *owner }),
            slot => Err(self.lost(id, slot)),
        }
    }

    #[cold]
    fn lost(&self, id: SlotId, slot: Option<&Slot<T>>) -> Lost {
        let unused = slot.map_or(self.next_generation, |slot| slot.generation);
        if id.generation >= self.first_generation && id.generation < unused { Lost::Freed } else { Lost::NeverMade }
    }

    /// Makes room for `count` inserts, which then cannot fail.
    fn reserve(&mut self, count: usize) -> Result<()> {
        let fresh = count.saturating_sub(self.free.len());
        let slots = self.slots.len() + fresh;
        let full = || Error::new(Status::OutOfMemory, format!("there is no memory for {count} more handles beside {}", self.live));
        if slots > MOST_SLOTS {
            return Err(full());
        }
        if fresh > 0 {
            self.slots.try_reserve(fresh).map_err(|_| full())?;
            let listed = self.free.len();
            self.free.try_reserve(slots - listed).map_err(|_| Error::new(Status::OutOfMemory, "there is no memory for more handles"))?;
        }
        Ok(())
    }

    /// After [`Slots::reserve`].
    fn insert(&mut self, owner: Owner, object: T) -> SlotId {
        if self.first_generation == 0 {
            self.first_generation = 1 + random_below(LAST_GENERATION / 4);
            self.next_generation = self.first_generation;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: self.next_generation, owner, object: None });
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        slot.owner = owner;
        slot.object = Some(object);
        self.live += 1;
        SlotId { index, generation: slot.generation }
    }

    fn take(&mut self, id: SlotId) -> Result<T, Lost> {
        self.find(id)?;
        self.vacate(id.index as usize).ok_or(Lost::Freed)
    }

    fn take_next_of(&mut self, owner: Owner, from: usize) -> Option<(T, usize)> {
        let found = self.slots.iter().skip(from).position(|slot| slot.object.is_some() && slot.owner == owner)? + from;
        self.vacate(found).map(|object| (object, found))
    }

    fn vacate(&mut self, index: usize) -> Option<T> {
        let slot = &mut self.slots[index];
        let object = slot.object.take()?;
        slot.generation += 1;
        self.live -= 1;
        if slot.generation <= LAST_GENERATION {
            self.free.push(index as u32); // Never allocates: `reserve` made room for every slot.
        }
        Some(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn fill(table: &Table<u32>, owner: u64, values: &[u32]) -> Vec<SlotId> {
        let mut slots = table.write();
        slots.reserve(values.len()).unwrap();
        values.iter().map(|value| slots.insert(Owner(owner), *value)).collect()
    }

    fn tensor() -> crate::tensor::Tensor {
        crate::tensor::Tensor::scalar(&crate::tensor::Allocator::system(), crate::tensor::DType::F32, 1.0).unwrap()
    }

    fn context() -> TenonContext {
        let mut made = TenonContext { id: 0 };
        let object = crate::context::Context::new(crate::context::ContextOptions { workers: 1, ..Default::default() }).unwrap();
        Out::new(&raw mut made, "context").unwrap().put_new(Owner::NONE, object).unwrap();
        made
    }

    #[test]
    fn an_id_says_where_its_object_is() {
        let slot = SlotId { index: 0xabcdef, generation: 0x54321 };
        let id = id_base::<TenonTensor>() | slot.encode();
        assert_eq!(decode::<TenonTensor>(id).unwrap(), slot);
        assert_ne!(salt(), 0);
    }

    #[test]
    fn bad_handles_are_told_apart() {
        let context = context();
        let refusal = |result: Result<()>| {
            let error = result.unwrap_err();
            assert_eq!(error.status(), Status::InvalidHandle);
            error.message().to_string()
        };
        let look = |id| TenonContext::from_id(id).get().map(drop);
        assert_eq!(refusal(look(0)), "the context handle is zero");
        assert_eq!(
            refusal(TenonTensor::from_id(context.id()).get().map(drop)),
            "a context handle was passed where a tensor handle is expected"
        );
        let foreign = "the context handle was not made by this copy of the library";
        assert_eq!(refusal(look(context.id() ^ 1 << SALT_SHIFT)), foreign);
        assert_eq!(refusal(look(context.id() + (1 << INDEX_BITS))), foreign);
        assert_eq!(refusal(look(context.id() | 0xffffff)), foreign);
        assert_eq!(refusal(look(context.id() | 31 << KIND_SHIFT)), foreign);
        assert_eq!(refusal(look(1)), foreign);
        assert_eq!(refusal(look(u64::MAX)), foreign);
        assert!(look(context.id()).is_ok());
        free_context(context).unwrap();
        assert!(refusal(look(context.id())).starts_with("the context handle is stale"));
        assert!(refusal(free_context(context)).starts_with("the context handle is stale"));
        free_context(TenonContext { id: 0 }).unwrap();
        TenonTensor { id: 0 }.free().unwrap();
    }

    #[test]
    fn nothing_is_made_in_a_dead_context() {
        let context = context();
        let (_, owner) = Owner::context(context).unwrap();
        assert_eq!(owner.handle().id(), context.id());
        free_context(context).unwrap();
        let mut made = TenonTensor { id: 77 };
        let out = Out::new(&raw mut made, "tensor").unwrap();
        let error = out.put_new(owner, tensor()).unwrap_err();
        assert_eq!(error.status(), Status::InvalidHandle);
        assert_eq!(made.id, 77);
        let mut several = [made; 3];
        let outs = OutSlice::new(several.as_mut_ptr(), 3, "outputs").unwrap();
        assert!(outs.put_new(owner, vec![tensor(); 3]).is_err());
        assert!(several.iter().all(|made| made.id == 77));
    }

    #[test]
    fn slots_are_used_again_with_another_generation() {
        let table = Table::new();
        let first = fill(&table, 1, &[10])[0];
        assert_eq!(table.write().take(first), Ok(10));
        let second = fill(&table, 1, &[20])[0];
        assert_eq!(first.index, second.index);
        assert_eq!(table.read().find(first).err(), Some(Lost::Freed));
        assert_eq!(table.read().find(second).map(|found| *found.object).ok(), Some(20));
        assert_eq!(table.write().take(first).err(), Some(Lost::Freed));
        let ahead = SlotId { generation: second.generation + 1, ..second };
        assert_eq!(table.read().find(ahead).err(), Some(Lost::NeverMade));
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let table = Table::new();
        let first = fill(&table, 1, &[1])[0];
        table.write().slots[0].generation = LAST_GENERATION;
        let last = SlotId { index: first.index, generation: LAST_GENERATION };
        assert_eq!(table.write().take(last), Ok(1));
        assert_eq!(table.read().find(last).err(), Some(Lost::Freed));
        let next = fill(&table, 1, &[2])[0];
        assert_ne!(next.index, last.index);
        assert_eq!(table.write().take(next), Ok(2));
        table.release_if_empty();
        assert_eq!(table.read().slots.len(), 2, "the retired slot must be remembered");
    }

    #[test]
    fn an_emptied_table_gives_its_memory_back_and_knows_its_handles() {
        let table = Table::new();
        let old = fill(&table, 1, &[1, 2, 3]);
        assert_eq!(table.write().take(old[2]), Ok(3));
        table.release_if_empty();
        assert_eq!(table.read().slots.len(), 3);
        table.free_all_of(Owner(1));
        table.release_if_empty();
        assert_eq!(table.read().slots.capacity(), 0);
        for id in &old {
            assert_eq!(table.read().find(*id).err(), Some(Lost::Freed));
        }
        let new = fill(&table, 1, &[4]);
        assert!(!old.contains(&new[0]));
        for id in &old {
            assert_eq!(table.read().find(*id).err(), Some(Lost::Freed));
        }
    }

    #[test]
    fn a_context_takes_only_its_own_objects_along() {
        let table = Table::new();
        let mine = fill(&table, 1, &[1, 2]);
        let others = fill(&table, 2, &[3, 4]);
        table.free_all_of(Owner(1));
        assert!(mine.iter().all(|id| table.read().find(*id).err() == Some(Lost::Freed)));
        assert!(others.iter().all(|id| table.read().find(*id).is_ok()));
        assert_eq!(table.read().live, 2);
    }

    #[test]
    fn freeing_and_inserting_into_freed_slots_allocates_nothing() {
        let table = Table::new();
        let ids = fill(&table, 1, &[0; 100]);
        let (slots, free) = (table.read().slots.capacity(), table.read().free.capacity());
        assert!(free >= 100);
        for id in ids {
            table.write().take(id).unwrap();
        }
        fill(&table, 1, &[0; 100]);
        assert_eq!((slots, free), (table.read().slots.capacity(), table.read().free.capacity()));
    }

    /// A destructor that uses the table it lies in.
    #[test]
    fn objects_are_dropped_outside_of_the_lock() {
        struct Reenters(Arc<AtomicUsize>);
        static TABLE: Table<Arc<Reenters>> = Table::new();
        impl Drop for Reenters {
            fn drop(&mut self) {
                self.0.fetch_add(1 + TABLE.write().live, Ordering::Relaxed);
            }
        }
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut slots = TABLE.write();
        slots.reserve(2).unwrap();
        slots.insert(Owner(1), Arc::new(Reenters(dropped.clone())));
        slots.insert(Owner(1), Arc::new(Reenters(dropped.clone())));
        drop(slots);
        TABLE.free_all_of(Owner(1));
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
    }

    /// Threads make, look up, and free at once; each finds its own objects and never another's under an old id.
    #[test]
    fn threads_at_once_never_see_anothers_object() {
        static TABLE: Table<Arc<u64>> = Table::new();
        static STALE: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                scope.spawn(move || {
                    let mut live: Vec<(SlotId, u64)> = Vec::new();
                    let mut dead: Vec<SlotId> = Vec::new();
                    for round in 0..2000u64 {
                        let value = thread << 32 | round;
                        {
                            let mut slots = TABLE.write();
                            slots.reserve(1).unwrap();
                            live.push((slots.insert(Owner(1 + thread), Arc::new(value)), value));
                        }
                        if round % 3 != 0 {
                            let (id, value) = live.swap_remove((round as usize * 7) % live.len());
                            assert_eq!(TABLE.write().take(id).map(|object| *object), Ok(value));
                            dead.push(id);
                        }
                        let (id, value) = live[round as usize % live.len().max(1) % live.len().max(1)];
                        assert_eq!(TABLE.read().find(id).map(|found| **found.object).ok(), Some(value));
                        if let Some(id) = dead.get(round as usize / 2) {
                            assert_eq!(TABLE.read().find(*id).err(), Some(Lost::Freed));
                            STALE[thread as usize].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    TABLE.free_all_of(Owner(1 + thread));
                    for (id, _) in live {
                        assert_eq!(TABLE.read().find(id).err(), Some(Lost::Freed));
                    }
                });
            }
        });
        assert_eq!(TABLE.read().live, 0);
        assert!(STALE.iter().all(|count| count.load(Ordering::Relaxed) > 500));
    }

    /// Contexts are freed while other threads make objects in them: whatever was made is swept.
    #[test]
    fn an_insert_that_races_with_the_end_of_its_context_leaves_nothing() {
        for _ in 0..200 {
            let context = context();
            let (_, owner) = Owner::context(context).unwrap();
            let object = tensor();
            std::thread::scope(|scope| {
                let object = &object;
                scope.spawn(move || {
                    let mut made = TenonTensor { id: 0 };
                    while Out::new(&raw mut made, "tensor").unwrap().put_new(owner, object.clone()).is_ok() {}
                });
                std::thread::yield_now();
                free_context(context).unwrap();
            });
            assert_eq!(Arc::strong_count(object.storage()), 1);
        }
    }
}
