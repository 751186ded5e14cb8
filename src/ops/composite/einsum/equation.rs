//! The equation of `einsum`: what it says of the axes of each operand and of the result.

use crate::error::{Error, Result};
use crate::tensor::{MAX_RANK, Shape};

/// What an axis is called: 0 to 51 are the letters A to Z and a to z; from [`DOTS`] on, the dimensions that an ellipsis stands for, the
/// last first.
pub(in crate::ops::composite) type Label = u8;

const DOTS: Label = 52;

/// How many labels there can be.
pub(super) const LABELS: usize = DOTS as usize + MAX_RANK;

/// The most operands of one contraction: a bound on the work that choosing an order takes.
pub(super) const MOST_OPERANDS: usize = 128;

/// An equation with shapes put in.
pub(super) struct Resolved {
    /// For each operand the label of each axis.
    pub operands: Vec<Vec<Label>>,
    pub output: Vec<Label>,
}

/// One list of labels, as it is written.
#[derive(Default)]
struct Term<'a> {
    text: &'a str,
    labels: Vec<Label>,
    /// How many labels stand in front of the ellipsis, if there is one.
    dots: Option<usize>,
}

fn label_of(letter: char) -> Option<Label> {
    match letter {
        'A'..='Z' => Some(letter as u8 - b'A'),
        'a'..='z' => Some(letter as u8 - b'a' + 26),
        _ => None,
    }
}

/// The label as users know it.
pub(super) fn name_of(label: Label) -> String {
    match label {
        0..26 => format!("'{}'", (b'A' + label) as char),
        26..DOTS => format!("'{}'", (b'a' + label - 26) as char),
        _ => match label - DOTS {
            0 => "the last dimension of '...'".to_string(),
            back => format!("dimension -{} of '...'", back + 1),
        },
    }
}

impl<'a> Term<'a> {
    fn read(text: &'a str) -> Result<Term<'a>> {
        let mut term = Term { text: text.trim(), ..Term::default() };
        let mut rest = term.text;
        while let Some(letter) = rest.chars().next() {
            if let Some(behind) = rest.strip_prefix("...") {
                if term.dots.replace(term.labels.len()).is_some() {
                    return Err(Error::invalid(format!("\"{}\" has more than one '...'", term.text)));
                }
                rest = behind;
                continue;
            }
            match label_of(letter) {
                Some(label) => term.labels.push(label),
                None if letter == ' ' => {}
                None => {
                    let text = format!("{letter:?} in \"{}\" is neither a letter from A to Z or a to z nor '...'", term.text);
                    return Err(Error::invalid(text));
                }
            }
            rest = &rest[letter.len_utf8()..];
        }
        Ok(term)
    }
    /// Its labels with the ellipsis as so many dimensions.
    fn with_dots(&self, count: usize) -> Vec<Label> {
        let Some(place) = self.dots else { return self.labels.clone() };
        let dots = (0..count).rev().map(|back| DOTS + back as Label);
        self.labels[..place].iter().copied().chain(dots).chain(self.labels[place..].iter().copied()).collect()
    }
}

/// Reads an equation for operands of these shapes. Sizes are not compared.
pub(super) fn resolve(equation: &str, shapes: &[Shape]) -> Result<Resolved> {
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation, None),
    };
    let terms = left.split(',').map(Term::read).collect::<Result<Vec<Term>>>()?;
    if terms.len() != shapes.len() {
        let (named, given) = (terms.len(), shapes.len());
        return Err(Error::invalid(format!("{named} operands are named, and {given} are given")));
    }
    let mut dots = 0;
    let mut operands = Vec::with_capacity(terms.len());
    for (index, (term, shape)) in terms.iter().zip(shapes).enumerate() {
        let named = term.labels.len();
        let fits = if term.dots.is_some() { named <= shape.rank() } else { named == shape.rank() };
        if !fits {
            let least = if term.dots.is_some() { "at least " } else { "" };
            let text = format!("\"{}\" names {least}{named} dimensions, and operand {} is {shape}", term.text, index + 1);
            return Err(Error::shape(text));
        }
        let own = shape.rank() - named;
        dots = dots.max(own);
        operands.push(term.with_dots(own));
    }
    let output = match right {
        Some(text) => named_output(text, &operands, dots)?,
        None => implied_output(&terms, dots),
    };
    Ok(Resolved { operands, output })
}

/// What stands behind the arrow.
fn named_output(text: &str, operands: &[Vec<Label>], dots: usize) -> Result<Vec<Label>> {
    let term = Term::read(text)?;
    if let Some(label) = term.labels.iter().enumerate().find_map(|(i, label)| term.labels[..i].contains(label).then_some(*label)) {
        return Err(Error::invalid(format!("{} stands twice in the result \"{}\"", name_of(label), term.text)));
    }
    if let Some(label) = term.labels.iter().find(|label| !operands.iter().any(|labels| labels.contains(label))) {
        return Err(Error::invalid(format!("{} of the result \"{}\" is in no operand", name_of(*label), term.text)));
    }
    Ok(term.with_dots(dots))
}

/// Without an arrow: the dimensions of the ellipsis, and then the letters that stand once, in the order of the alphabet, capitals first.
fn implied_output(terms: &[Term], dots: usize) -> Vec<Label> {
    let count = |label: Label| terms.iter().flat_map(|term| &term.labels).filter(|known| **known == label).count();
    let front = (0..dots).rev().map(|back| DOTS + back as Label);
    front.chain((0..DOTS).filter(|label| count(*label) == 1)).collect()
}

/// The size of each label; those that no operand has are 1. An axis of size 1 fits any other of its label, unless both are of one operand.
pub(super) fn sizes_of(operands: &[Vec<Label>], shapes: &[Shape]) -> Result<[usize; LABELS]> {
    let mut sizes = [1; LABELS];
    // The operand that a size other than 1 came from.
    let mut source = [0; LABELS];
    for (index, (labels, shape)) in operands.iter().zip(shapes).enumerate() {
        for (axis, (label, size)) in labels.iter().zip(shape.dims()).enumerate() {
            let place = *label as usize;
            if let Some(twin) = labels[..axis].iter().position(|known| known == label) {
                let other = shape.dims()[twin];
                if other != *size {
                    let (label, operand) = (name_of(*label), index + 1);
                    return Err(Error::shape(format!("{label} is {other} and {size} in operand {operand}, which is {shape}")));
                }
            }
            if *size == 1 {
                continue;
            }
            if sizes[place] != 1 && sizes[place] != *size {
                let (label, first, second) = (name_of(*label), source[place] + 1, index + 1);
                let (known, other) = (sizes[place], shapes[source[place]]);
                let text =
                    format!("{label} is {known} in operand {first}, which is {other}, and {size} in operand {second}, which is {shape}");
                return Err(Error::shape(text));
            }
            sizes[place] = *size;
            source[place] = index;
        }
    }
    Ok(sizes)
}
