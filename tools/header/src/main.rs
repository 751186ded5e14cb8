//! Writes `include/tenon.h` from the chapters in `src/capi`, and before it the chapter that follows from a table ([`unary`]); with
//! `--check`, only tells whether the committed files are current.
//!
//! cbindgen reads one file per chapter, so declarations stand in the order of the source, and the headings between them
//! come from `src/capi/mod.rs`. This program adds what surrounds the chapters, and turns constants into enumerators:
//! cbindgen writes `#define`s, which other languages' bindings cannot see.

mod unary;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => {
            eprintln!("{other}: the only option is --check");
            return ExitCode::FAILURE;
        }
    };
    match run(check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), String> {
    let root = root();
    let chapter = unary::chapter(&read(&root.join("src/ops/unary.rs"))?)?;
    settle(&root, "src/capi/ops_unary.rs", &chapter, check)?;
    settle(&root, "include/tenon.h", &header(&root)?, check)
}

/// Writes a file, or tells in what the committed one differs.
fn settle(root: &Path, name: &str, fresh: &str, check: bool) -> Result<(), String> {
    let path = root.join(name);
    if check {
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        return match difference(&committed, fresh) {
            None => Ok(()),
            Some(text) => Err(format!("{name} is not what the sources say; run `cargo run -p header`:\n{text}")),
        };
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    std::fs::write(&path, fresh).map_err(|error| format!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const OPENING: &str = "\
/* Tenon: an embeddable training runtime. A network is a function, and its gradient is another function made from its
 * graph.
 *
 * Generated from src/capi by `cargo run -p header`; never edited by hand. C99 and later, C++11 and later.
 *
 * What holds everywhere:
 *
 * - Functions that can fail return a TenonStatus and take, last, a TenonError for the text; it may be NULL.
 * - Arguments stand in this order: the object, inputs, options, outputs, error. Outputs are written last and only on
 *   success; where it is otherwise the function says so.
 * - Handles are small structs, passed by value. One that is zero, freed, of another kind, or not of this library is
 *   refused with TENON_INVALID_HANDLE. The handle that a function writes is the caller's, until it is freed or the
 *   context that it was made in is. Freeing a zero handle does nothing. Objects are counted inside: freeing a handle
 *   never disturbs a call that runs.
 * - Arrays are a pointer and a length; length 0 permits NULL. What a pointer leads to is not kept beyond the call.
 *   Texts are UTF-8 and end with NUL.
 * - Options begin with struct_size. Fill them with their init function, or write a designated initialiser with
 *   struct_size and what differs: a field that is zero has its default. Where zero itself may be meant, the struct has
 *   a field is_filled, which the init function sets: zeros are meant then. NULL options are all defaults.
 * - Callbacks come with a user pointer and a function that is called exactly once when the pointer is needed no more,
 *   also if the call that received them fails. They may run on another thread, must return (no exception and no longjmp
 *   leaves them), and may not use the object that calls them (TENON_BUSY).
 * - All functions may be called from any thread.
 */
#ifndef TENON_H
#define TENON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif

/* What other libraries define: DLPack's struct, from its dlpack.h. */
struct DLManagedTensorVersioned;
";

const CLOSING: &str = "
#ifdef __cplusplus
}
#endif

#endif /* TENON_H */
";

/// The text of the whole header.
fn header(root: &Path) -> Result<String, String> {
    let capi = root.join("src/capi");
    let mut text = OPENING.to_string();
    for chapter in chapters(&read(&capi.join("mod.rs"))?)? {
        let path = capi.join(format!("{}.rs", chapter.module));
        let source = read(&path)?;
        let body = tidy(&enumerators(&declarations(&path, &source)?, &source)?);
        let _ = write!(text, "\n/* ==== {} {}\n", chapter.heading, "=".repeat(110usize.saturating_sub(chapter.heading.len())));
        for line in &chapter.introduction {
            let _ = writeln!(text, "{}", format!(" * {line}").trim_end());
        }
        let _ = write!(text, " */\n\n{}\n", body.trim());
    }
    text.push_str(CLOSING);
    Ok(text)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

struct Chapter {
    module: String,
    heading: String,
    /// What the chapter's comment says below its heading.
    introduction: Vec<String>,
}

/// The public modules of `src/capi/mod.rs`, each with the documentation comment above it.
fn chapters(source: &str) -> Result<Vec<Chapter>, String> {
    let mut chapters = Vec::new();
    let mut comment: Vec<String> = Vec::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("///") {
            comment.push(text.trim().to_string());
            continue;
        }
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            if comment.is_empty() {
                return Err(format!("src/capi/mod.rs: the chapter {module} has no heading: a documentation comment above it"));
            }
            let introduction = comment.split_off(1);
            chapters.push(Chapter { module: module.to_string(), heading: comment[0].clone(), introduction });
        }
        comment.clear();
    }
    if chapters.is_empty() { Err("src/capi/mod.rs has no chapters".to_string()) } else { Ok(chapters) }
}

/// What cbindgen makes of one file.
fn declarations(path: &Path, source: &str) -> Result<String, String> {
    let mut config = cbindgen::Config::from_file(Path::new(env!("CARGO_MANIFEST_DIR")).join("cbindgen.toml"))?;
    // Types that only later chapters use would be left out.
    config.export.include = source.lines().filter_map(declared_type).map(str::to_string).collect();
    let bindings =
        cbindgen::Builder::new().with_config(config).with_src(path).generate().map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|error| error.to_string())
}

/// The name of a type of the header that this line of source declares.
fn declared_type(line: &str) -> Option<&str> {
    let rest = ["pub struct ", "pub type ", "pub union "].iter().find_map(|start| line.strip_prefix(start))?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    name.starts_with("Tenon").then_some(name)
}

/// The longest line of a declaration.
const WIDTH: usize = 120;

/// Comments of one line on one line, types by their plain names, long declarations broken between arguments.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut tidy = String::new();
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index];
        let is_short = line.trim() == "/**" && lines.get(index + 2).is_some_and(|end| end.trim() == "*/");
        if let Some(comment) = is_short.then(|| lines[index + 1].trim().strip_prefix("* ")).flatten() {
            let _ = writeln!(tidy, "{}/** {comment} */", &line[..line.len() - 3]);
            index += 3;
            continue;
        }
        index += 1;
        if line.trim_start().starts_with(['*', '/']) {
            let _ = writeln!(tidy, "{line}");
            continue;
        }
        let line = if line.starts_with("typedef struct") { line.to_string() } else { line.replace("struct Tenon", "Tenon") };
        let mut rest = line.as_str();
        while rest.len() > WIDTH {
            let Some(comma) = rest[..WIDTH].rfind(", ") else { break };
            let _ = write!(tidy, "{}\n    ", &rest[..=comma]);
            rest = &rest[comma + 2..];
        }
        let _ = writeln!(tidy, "{rest}");
    }
    tidy
}

/// The same declarations with constants as enumerators behind the typedef of their type, or in front of everything if
/// their type is not of this chapter.
fn enumerators(declarations: &str, source: &str) -> Result<String, String> {
    let mut constants: Vec<(String, Vec<String>)> = Vec::new(); // The Rust type, and the lines of its enumerators.
    let mut blocks = Vec::new();
    for block in declarations.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty()) {
        let Some((comment, definition)) = split_definition(block) else {
            blocks.push(block.to_string());
            continue;
        };
        let (name, value) = definition.split_once(' ').ok_or_else(|| format!("cannot read `#define {definition}`"))?;
        let value: i32 =
            value.trim().parse().map_err(|_| format!("{name} is {value}: a constant of the header is a number that fits int"))?;
        let declared = format!("pub const {name}: ");
        let rust_type = source
            .lines()
            .find_map(|line| line.strip_prefix(&declared)?.split_once(" ="))
            .ok_or_else(|| format!("cannot find `{declared}`"))?
            .0;
        let lines = match constants.iter_mut().find(|(of, _)| of == rust_type) {
            Some((_, lines)) => lines,
            None => {
                constants.push((rust_type.to_string(), Vec::new()));
                &mut constants.last_mut().expect("just pushed").1
            }
        };
        lines.extend(comment.lines().map(|line| format!("    {line}")));
        lines.push(format!("    {name} = {value},"));
    }

    let mut text = String::new();
    let write_enum = |text: &mut String, lines: &mut Vec<String>| {
        // C++ before 11 and pedantic C90 refuse a comma behind the last enumerator.
        if let Some(last) = lines.last_mut() {
            last.pop();
        }
        let _ = write!(text, "enum {{\n{}\n}};\n\n", lines.join("\n"));
    };
    for (rust_type, lines) in &mut constants {
        if !blocks.iter().any(|block| block.ends_with(&format!(" {rust_type};"))) {
            write_enum(&mut text, lines);
        }
    }
    for block in &blocks {
        let _ = write!(text, "{block}\n\n");
        if let Some((_, lines)) = constants.iter_mut().find(|(rust_type, _)| block.ends_with(&format!("typedef int32_t {rust_type};"))) {
            write_enum(&mut text, lines);
        }
    }
    Ok(text)
}

/// Comment and `NAME VALUE` of a block that is a `#define`.
fn split_definition(block: &str) -> Option<(&str, &str)> {
    match block.rsplit_once('\n') {
        Some((comment, line)) => Some((comment, line.strip_prefix("#define ")?)),
        None => Some(("", block.strip_prefix("#define ")?)),
    }
}

/// The lines in which two texts differ, without what they share in front and behind.
fn difference(old: &str, new: &str) -> Option<String> {
    if old == new {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let front = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let shorter = old.len().min(new.len()) - front;
    let back = old.iter().rev().zip(new.iter().rev()).take(shorter).take_while(|(a, b)| a == b).count();
    let mut text = format!("@@ line {}\n", front + 1);
    for (sign, lines) in [('-', &old[front..old.len() - back]), ('+', &new[front..new.len() - back])] {
        for line in lines {
            let _ = writeln!(text, "{sign}{line}");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_header_is_current() {
        run(true).unwrap();
    }

    #[test]
    fn a_difference_names_the_lines() {
        assert_eq!(difference("a\nb\nc", "a\nb\nc"), None);
        assert_eq!(difference("a\nb\nc", "a\nX\nc").unwrap(), "@@ line 2\n-b\n+X\n");
        assert_eq!(difference("a\na\na", "a\na").unwrap(), "@@ line 3\n-a\n");
        assert_eq!(difference("", "a").unwrap(), "@@ line 1\n-\n+a\n");
    }

    #[test]
    fn chapters_need_a_heading() {
        let source = "/// Tensors\n/// More.\npub mod tensor;\n\npub(crate) mod handle;\n";
        let chapters = chapters(source).unwrap();
        assert_eq!(chapters.len(), 1);
        assert_eq!((chapters[0].module.as_str(), chapters[0].heading.as_str()), ("tensor", "Tensors"));
        assert_eq!(chapters[0].introduction, ["More."]);
        assert!(super::chapters("pub mod tensor;\n").is_err());
    }

    #[test]
    fn declarations_are_tidied() {
        let text =
            "    /**\n     * One.\n     */\n    int a;\n/**\n * One\n * two, a struct TenonTensor.\n */\nint b(struct TenonTensor c);\n";
        let expected = "    /** One. */\n    int a;\n/**\n * One\n * two, a struct TenonTensor.\n */\nint b(TenonTensor c);\n";
        assert_eq!(tidy(text), expected);
        let long = format!("void f({}int last);", "int argument, ".repeat(12));
        let lines: Vec<String> = tidy(&long).lines().map(str::to_string).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.join("").replace(",    ", ", "), long);
    }

    #[test]
    fn constants_become_enumerators_behind_their_type() {
        let declarations =
            "/**\n * Fine.\n */\n#define TENON_OK 0\n\n#define TENON_LEFT 1\n\ntypedef int32_t TenonStatus;\n\nvoid f(void);\n";
        let source = "pub const TENON_OK: TenonStatus = 0;\npub const TENON_LEFT: TenonStatus = 1;\n";
        let text = enumerators(declarations, source).unwrap();
        let expected = "typedef int32_t TenonStatus;\n\nenum {\n    /**\n     * Fine.\n     */\n    TENON_OK = 0,\n    TENON_LEFT = 1\n};\n\nvoid f(void);\n\n";
        assert_eq!(text, expected);
    }
}
