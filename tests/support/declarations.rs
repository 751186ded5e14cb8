//! Reads `include/tenon.h`: what the generator writes is so regular that a page of parsing suffices. Whatever it does
//! not understand fails the test.

use std::collections::BTreeMap;

/// What the header declares.
pub struct Header {
    pub functions: Vec<Function>,
    /// By name.
    pub structs: BTreeMap<String, Vec<Parameter>>,
    /// Names of number types and the enumerators that stand behind them.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// Types of callbacks, as functions of that name.
    pub callbacks: BTreeMap<String, Function>,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub result: String,
    pub parameters: Vec<Parameter>,
}

/// A parameter or a field.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    /// Without `const` and `*`: "TenonTensor", "void", "char", "size_t".
    pub base: String,
    pub is_const: bool,
    pub pointers: usize,
    /// For a field that is an array.
    pub is_array: bool,
}

impl Parameter {
    /// Whether it is what a callback is handed back: `user`, or `gradient_user` of a second callback.
    pub fn is_user(&self) -> bool {
        self.name == "user" || self.name.ends_with("_user")
    }
    /// The type as C writes it.
    pub fn c_type(&self) -> String {
        format!("{}{} {}", if self.is_const { "const " } else { "" }, self.base, "*".repeat(self.pointers)).trim().to_string()
    }
}

impl Function {
    /// The parameters as C writes them.
    pub fn c_parameters(&self) -> String {
        if self.parameters.is_empty() {
            return "void".to_string();
        }
        self.parameters.iter().map(|p| format!("{} {}", p.c_type(), p.name)).collect::<Vec<_>>().join(", ")
    }
}

impl Header {
    /// The committed header.
    pub fn read() -> Header {
        let path = super::root().join("include/tenon.h");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Header::parse(&text)
    }

    fn parse(text: &str) -> Header {
        let mut header = Header { functions: Vec::new(), structs: BTreeMap::new(), numbers: BTreeMap::new(), callbacks: BTreeMap::new() };
        let mut last_number = None;
        for declaration in declarations(text) {
            let is_enum = declaration.starts_with("enum {");
            if let Some(rest) = declaration.strip_prefix("typedef struct ") {
                let (name, rest) = rest.split_once('{').unwrap_or_else(|| panic!("a struct without fields: {declaration}"));
                let fields = rest.rsplit_once('}').expect("a struct ends").0;
                let fields = fields.split(';').map(str::trim).filter(|field| !field.is_empty()).map(parameter).collect();
                header.structs.insert(name.trim().to_string(), fields);
            } else if is_enum {
                let body = declaration["enum {".len()..].trim_end_matches('}');
                let names = body.split(',').map(|item| item.split('=').next().unwrap_or("").trim().to_string()).collect::<Vec<_>>();
                if let Some(number) = &last_number {
                    header.numbers.insert(String::clone(number), names);
                }
            } else if let Some(rest) = declaration.strip_prefix("typedef ") {
                if rest.contains("(*") {
                    let (result, rest) = rest.split_once("(*").expect("just found");
                    let (name, rest) = rest.split_once(")(").unwrap_or_else(|| panic!("{declaration}"));
                    let parameters = parameters(rest.strip_suffix(')').unwrap_or_else(|| panic!("{declaration}")));
                    let function = Function { name: name.to_string(), result: result.trim().to_string(), parameters };
                    header.callbacks.insert(name.to_string(), function);
                } else {
                    let name = rest.rsplit(' ').next().expect("a typedef has a name").to_string();
                    header.numbers.insert(name.clone(), Vec::new());
                    last_number = Some(name);
                    continue;
                }
            } else if declaration.starts_with("struct ") && !declaration.contains('(') {
                // A struct of someone else, declared in front of its use.
            } else {
                let (start, rest) = declaration.split_once('(').unwrap_or_else(|| panic!("not understood: {declaration}"));
                let start = start.trim();
                let split = start.rfind([' ', '*']).unwrap_or_else(|| panic!("not understood: {declaration}")) + 1;
                header.functions.push(Function {
                    name: start[split..].to_string(),
                    result: start[..split].trim().to_string(),
                    parameters: parameters(rest.strip_suffix(')').unwrap_or_else(|| panic!("not understood: {declaration}"))),
                });
            }
            last_number = None;
        }
        header
    }
}

/// The declarations without comments and preprocessor lines, each on one line and without its semicolon.
fn declarations(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").expect("a comment ends").1;
    }
    plain.push_str(rest);
    let lines: Vec<&str> = plain.lines().filter(|line| !line.starts_with('#') && *line != "extern \"C\" {" && *line != "}").collect();
    let (mut found, mut current, mut depth) = (Vec::new(), String::new(), 0);
    for c in lines.join(" ").chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ';' && depth == 0 {
            found.push(current.split_whitespace().collect::<Vec<_>>().join(" "));
            current.clear();
        } else {
            current.push(c);
        }
    }
    assert!(current.trim().is_empty(), "behind the last declaration: {current}");
    found
}

fn parameters(text: &str) -> Vec<Parameter> {
    match text.trim() {
        "void" => Vec::new(),
        text => {
            assert!(!text.contains('('), "a callback needs a named type: {text}");
            text.split(',').map(parameter).collect()
        }
    }
}

fn parameter(text: &str) -> Parameter {
    let (text, is_array) = match text.split_once('[') {
        Some((text, _)) => (text.trim(), true),
        None => (text.trim(), false),
    };
    let split = text.rfind([' ', '*']).unwrap_or_else(|| panic!("a parameter without a name: {text}")) + 1;
    let (kind, name) = (&text[..split], &text[split..]);
    let base: String = kind.replace('*', " ").replace("const ", " ");
    Parameter {
        name: name.to_string(),
        base: base.split_whitespace().collect::<Vec<_>>().join(" "),
        is_const: kind.trim_start().starts_with("const "),
        pointers: kind.matches('*').count(),
        is_array,
    }
}
