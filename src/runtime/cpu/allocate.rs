//! Places of scratch registers: by lifetime, so that what is live stays in the first-level cache.

use super::lower::Virtual;
use super::tile::{Code, Instruction, SCRATCH, Slot};

/// Turns the numbers of virtual registers in slots into byte offsets; the bytes that all of them take.
///
/// Permanent ones, written before the first tile, keep their place.
pub(super) fn allocate(prologue: &mut [Instruction], code: &mut [Instruction], registers: &[Virtual]) -> usize {
    let mut last_use = vec![0usize; registers.len()];
    for (index, instruction) in code.iter().enumerate() {
        for slot in instruction.operands.iter().chain([&instruction.target]) {
            if slot.base == SCRATCH {
                last_use[slot.offset as usize] = index;
            }
        }
    }
    let mut places: Vec<Option<usize>> = vec![None; registers.len()];
    let mut end = 0;
    for (number, register) in registers.iter().enumerate() {
        if register.permanent {
            places[number] = Some(end);
            end += register.bytes;
        }
    }
    for instruction in prologue.iter_mut() {
        for slot in instruction.operands.iter_mut().chain([&mut instruction.target]) {
            place(slot, &mut places, registers, &mut Vec::new(), &mut end);
        }
    }
    let mut free: Vec<(usize, usize)> = Vec::new(); // (bytes, offset)
    for (index, instruction) in code.iter_mut().enumerate() {
        let in_place = matches!(instruction.code, Code::Kernel(..));
        let dying: Vec<usize> = {
            let mut all: Vec<usize> = instruction
                .operands
                .iter()
                .filter(|slot| slot.base == SCRATCH)
                .map(|slot| slot.offset as usize)
                .filter(|number| last_use[*number] == index && !registers[*number].permanent)
                // An operation in place ends its one register as its target.
                .filter(|number| !(instruction.target.base == SCRATCH && instruction.target.offset as usize == *number))
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let target_shape = (instruction.target.base == SCRATCH).then(|| registers[instruction.target.offset as usize].shape());
        for slot in &mut instruction.operands {
            place(slot, &mut places, registers, &mut free, &mut end);
        }
        // The target may take the place of an operand of the same size that dies here: lanes have the same width then.
        let release = |number: usize, free: &mut Vec<(usize, usize)>| {
            if let Some(offset) = places[number] {
                free.push((registers[number].bytes, offset));
            }
        };
        let (early, later): (Vec<usize>, Vec<usize>) =
            dying.into_iter().partition(|number| in_place && Some(registers[*number].shape()) == target_shape);
        for number in early {
            release(number, &mut free);
        }
        let target_number = (instruction.target.base == SCRATCH).then_some(instruction.target.offset as usize);
        place(&mut instruction.target, &mut places, registers, &mut free, &mut end);
        for number in later {
            if Some(number) != target_number {
                free.push((registers[number].bytes, places[number].expect("operands have places")));
            }
        }
        if let Some(number) = target_number
            && last_use[number] == index
            && !registers[number].permanent
        {
            free.push((registers[number].bytes, places[number].expect("the target has a place")));
        }
    }
    end
}

impl Virtual {
    /// Kernels may work in place between registers of one shape, never between lanes of different widths.
    fn shape(&self) -> (usize, usize) {
        (self.bytes, self.lane)
    }
}

fn place(slot: &mut Slot, places: &mut [Option<usize>], registers: &[Virtual], free: &mut Vec<(usize, usize)>, end: &mut usize) {
    if slot.base != SCRATCH {
        return;
    }
    let number = slot.offset as usize;
    let bytes = registers[number].bytes;
    let offset = *places[number].get_or_insert_with(|| match free.iter().rposition(|(size, _)| *size == bytes) {
        Some(found) => free.swap_remove(found).1,
        None => {
            *end += bytes;
            *end - bytes
        }
    });
    slot.offset = offset as isize;
}
