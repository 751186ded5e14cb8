//! Calls every function of `include/tenon.h` with everything a confused host might pass, from a C program generated
//! from the header.
//!
//! For each function, one argument at a time is bad while the others are good: handles that are zero, stale, of another
//! copy of the library, of another kind, or invented; NULL for pointers; unknown numbers for enums; texts that are not
//! UTF-8 or too long; lengths from 0 to the largest; extreme numbers. After each call: a refusal has a status and a
//! text, outputs are untouched, the drop function of each callback ran once, and nothing brought the process down. At
//! the end both copies of the library are unloaded.
//!
//! A new function is swept without a change here. A new kind of object needs a maker in `tests/sweep/makers.h`.

mod support;

use std::fmt::Write as _;
use support::declarations::{Function, Header, Parameter};

/// Pointers that may be NULL, handles and values that may be zero, although nothing in their type says so: (function,
/// parameter).
const OPTIONAL: &[(&str, &str)] = &[
    ("tenon_batch_norm", "offset"),
    ("tenon_batch_norm", "scale"),
    ("tenon_batch_norm_train", "offset"),
    ("tenon_batch_norm_train", "scale"),
    ("tenon_bce_loss", "weight"),
    ("tenon_bce_with_logits_loss", "positive_weight"),
    ("tenon_bce_with_logits_loss", "weight"),
    ("tenon_bilinear", "offset"),
    ("tenon_bincount", "weights"),
    ("tenon_checkpoint_load", "optimizer"),
    ("tenon_checkpoint_load", "report"),
    ("tenon_checkpoint_save", "optimizer"),
    ("tenon_clamp_tensor", "high"),
    ("tenon_clamp_tensor", "low"),
    ("tenon_conv", "bias"),
    ("tenon_conv_transpose", "bias"),
    ("tenon_cross_entropy_weighted", "weight"),
    ("tenon_cummax", "positions"),
    ("tenon_cummin", "positions"),
    ("tenon_eigh", "vectors"),
    ("tenon_focal_loss", "weight"),
    ("tenon_group_norm", "offset"),
    ("tenon_group_norm", "scale"),
    ("tenon_host_function_new", "gradient"),
    ("tenon_instance_norm", "offset"),
    ("tenon_instance_norm", "scale"),
    ("tenon_kthvalue", "position"),
    ("tenon_layer_norm", "offset"),
    ("tenon_layer_norm", "scale"),
    ("tenon_linear", "bias"),
    ("tenon_log_uniform_candidate_sampler", "sampled_expected"),
    ("tenon_log_uniform_candidate_sampler", "true_expected"),
    ("tenon_lu", "permutation"),
    ("tenon_lu", "upper"),
    ("tenon_lu_factor", "permutation"),
    ("tenon_lu_factor", "sign"),
    ("tenon_masked_select", "count"),
    ("tenon_median", "position"),
    ("tenon_mode", "position"),
    ("tenon_multi_margin_loss", "weight"),
    ("tenon_multilabel_soft_margin_loss", "weight"),
    ("tenon_nanmedian", "position"),
    ("tenon_nll_loss", "weight"),
    ("tenon_nonzero", "count"),
    ("tenon_pad", "interior"),
    ("tenon_qr", "r"),
    ("tenon_rms_norm", "scale"),
    ("tenon_scaled_dot_product_attention", "mask"),
    ("tenon_slice", "step"),
    ("tenon_slogdet", "sign"),
    ("tenon_sort", "positions"),
    ("tenon_svd", "u"),
    ("tenon_svd", "vt"),
    ("tenon_topk", "positions"),
    ("tenon_trapz", "x"),
    ("tenon_uniform_candidate_sampler", "sampled_expected"),
    ("tenon_uniform_candidate_sampler", "true_expected"),
    ("tenon_unique", "count"),
    ("tenon_unique", "counts"),
    ("tenon_unique", "inverse"),
    ("tenon_unique_consecutive", "count"),
    ("tenon_unique_consecutive", "counts"),
    ("tenon_unique_consecutive", "inverse"),
];

/// The largest length that is passed along with memory of that length.
const MOST: usize = 64;

#[test]
fn every_function_survives_every_misuse() {
    let header = Header::read();
    let folder = support::scratch("sweep");
    let source = folder.join("sweep.c");
    std::fs::write(&source, Sweep::new(&header).program()).unwrap();
    let program = folder.join("sweep");
    let mut compiler = support::c_compiler();
    // The generated program compares and discards freely.
    compiler.args(["-std=gnu11", "-Wno-pedantic", "-Wno-unused-function", "-Wno-unused-variable", "-Wno-type-limits", "-O1"]);
    support::succeed(
        compiler.arg("-I").arg(support::root().join("tests/sweep")).arg(&source).arg("-o").arg(&program).args(["-ldl", "-lm"]),
    );

    let (own, foreign) = (folder.join("own.so"), folder.join("foreign.so"));
    for copy in [&own, &foreign] {
        std::fs::copy(support::shared_library(), copy).unwrap();
    }
    let output = support::succeed(support::start(&program).arg(&own).arg(&foreign).current_dir(&folder));
    let last = output.lines().last().unwrap_or("");
    println!("{last}");
    let counts: Vec<usize> = last.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    let [functions, calls, refusals] = counts[..] else { panic!("{output}") };
    assert_eq!(functions, header.functions.len());
    assert!(functions >= 610 && calls >= 10 * functions && refusals >= 7 * functions, "{last}");
}

/// "TrainStep" as "train_step".
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// What a parameter is, as far as misuse goes.
enum Role {
    /// By value: the snake-case name of the kind.
    Handle(String),
    /// The last argument.
    Error,
    Options,
    Text,
    User,
    Drop,
    Callback,
    Input,
    Output,
    /// Of the parameter in front.
    Length,
    /// One of an enum's numbers; the good one.
    Enum(String),
    Number,
    Bool,
    /// A TenonValue.
    Value,
    /// Another struct by value that is no handle.
    Struct,
    /// A pointer to a struct of another library, which the call takes over: made by `lend_...` in `makers.h`.
    Lent,
}

/// Fields of `struct values` in `makers.h` that no call may take for a value of its graph.
const BAD_VALUES: &[&str] = &["zero", "ones", "poisoned", "stale", "foreign", "of_another_graph", "beyond", "odd"];

/// One call: what is peculiar about it, its arguments, and what it may answer.
struct Case {
    label: String,
    arguments: Vec<String>,
    expectation: &'static str,
}

struct Sweep<'a> {
    header: &'a Header,
    /// (type, snake-case name) of every kind, in the order in which they are made.
    kinds: Vec<(String, String)>,
}

impl<'a> Sweep<'a> {
    fn new(header: &'a Header) -> Sweep<'a> {
        let makers = std::fs::read_to_string(support::root().join("tests/sweep/makers.h")).unwrap();
        let mut kinds = Vec::new();
        // A kind is a struct with a single uint64_t id; they are made in the order in which the functions first mention
        // them.
        for parameter in header.functions.iter().flat_map(|function| &function.parameters) {
            let base = &parameter.base;
            let is_handle = header.structs.get(base).is_some_and(|fields| fields.len() == 1 && fields[0].base == "uint64_t");
            if !is_handle || kinds.iter().any(|(kind, _)| kind == base) {
                continue;
            }
            let name = snake_case(base.strip_prefix("Tenon").unwrap_or(base));
            assert!(makers.contains(&format!("make_{name}(")), "tests/sweep/makers.h does not say how a {name} is made");
            kinds.push((base.clone(), name));
        }
        Sweep { header, kinds }
    }

    fn kind(&self, base: &str) -> Option<&str> {
        self.kinds.iter().find(|(kind, _)| kind == base).map(|(_, name)| name.as_str())
    }

    fn role(&self, function: &Function, index: usize) -> Role {
        let parameter = &function.parameters[index];
        let base = parameter.base.as_str();
        let in_front = index.checked_sub(1).map(|before| &function.parameters[before]);
        match parameter.pointers {
            0 => {
                if let Some(kind) = self.kind(base) {
                    Role::Handle(kind.to_string())
                } else if base == "TenonDropFunction" {
                    Role::Drop
                } else if self.header.callbacks.contains_key(base) {
                    Role::Callback
                } else if let Some(names) = self.header.numbers.get(base) {
                    Role::Enum(names.first().cloned().unwrap_or("0".to_string()))
                } else if base == "TenonValue" {
                    Role::Value
                } else if self.header.structs.contains_key(base) {
                    Role::Struct
                } else if base == "bool" {
                    Role::Bool
                } else if base == "size_t" && in_front.is_some_and(|p| p.pointers > 0 && !p.is_user() && !self.is_options(p)) {
                    Role::Length
                } else {
                    Role::Number
                }
            }
            1 if base == "TenonError" => Role::Error,
            1 if base.starts_with("struct ") => Role::Lent,
            1 if base == "void" && !parameter.is_const && parameter.is_user() => Role::User,
            1 if parameter.is_const && self.is_options(parameter) => Role::Options,
            1 if base == "char" && parameter.is_const => Role::Text,
            _ if parameter.is_const => Role::Input,
            _ => Role::Output,
        }
    }

    fn is_options(&self, parameter: &Parameter) -> bool {
        parameter.is_const
            && self
                .header
                .structs
                .get(&parameter.base)
                .is_some_and(|fields| fields.first().is_some_and(|field| field.name == "struct_size"))
    }

    /// An argument with which the call could succeed.
    fn good(&self, function: &Function, index: usize) -> String {
        let parameter = &function.parameters[index];
        let base = &parameter.base;
        match self.role(function, index) {
            Role::Handle(kind) => format!("objects.{kind}"),
            Role::Error => "&error".to_string(),
            Role::Options => format!("(filled({index}, &({base}){{.struct_size = sizeof({base})}}, sizeof({base})))"),
            Role::Text => "\"text\"".to_string(),
            Role::User => "NULL".to_string(),
            Role::Drop => "given_drop()".to_string(),
            Role::Callback => format!("callback_{base}"),
            Role::Input => match (self.kind(base), base.as_str()) {
                _ if parameter.pointers > 1 => format!("filled({index}, &(const void *){{\"text\"}}, sizeof(void *))"),
                (Some(kind), _) => format!("filled({index}, &objects.{kind}, sizeof objects.{kind})"),
                (None, "TenonValue") => format!("filled({index}, &values.good, sizeof values.good)"),
                (None, "int64_t") => format!("filled({index}, &(int64_t){{1}}, sizeof(int64_t))"),
                (None, "float") => format!("filled({index}, &(float){{1}}, sizeof(float))"),
                (None, "double") => format!("filled({index}, &(double){{1}}, sizeof(double))"),
                _ => format!("zeroed({index})"),
            },
            Role::Output => format!("poisoned({index})"),
            // As many bytes as one float for memory without a type.
            Role::Length if function.parameters[index - 1].base == "void" => "4".to_string(),
            Role::Length => "1".to_string(),
            Role::Enum(name) => name,
            Role::Number => "1".to_string(),
            Role::Bool => "true".to_string(),
            Role::Value => "values.good".to_string(),
            Role::Struct => format!("({base}){{0}}"),
            Role::Lent => format!("lend_{}()", base["struct ".len()..].trim()),
        }
    }

    /// Bad arguments for one parameter, each with its label and what the call may answer.
    fn bad(&self, function: &Function, index: usize) -> Vec<(String, String, &'static str)> {
        let parameter = &function.parameters[index];
        let base = &parameter.base;
        let mut bad: Vec<(String, String, &'static str)> = Vec::new();
        let mut add = |label: &str, argument: String, expectation| bad.push((label.to_string(), argument, expectation));
        match self.role(function, index) {
            Role::Handle(kind) => {
                let expectation = if index == 0 { "AN_INVALID_HANDLE" } else { "A_REFUSAL" };
                let is_free = function.name.ends_with("_free");
                let zero = if is_free { "SUCCESS" } else { expectation };
                add("zero", format!("({base}){{0}}"), if self.is_optional(function, index) { "ANYTHING" } else { zero });
                for (label, id) in self.bad_ids(&kind) {
                    add(&label, format!("({base}){{{id}}}"), expectation);
                }
            }
            Role::Error => add("NULL", "NULL".to_string(), "ANYTHING"),
            Role::Options => {
                add("NULL", "NULL".to_string(), "ANYTHING");
                add("of no size", format!("zeroed({index})"), "A_REFUSAL");
                add("of endless size", format!("filled({index}, &(size_t){{SIZE_MAX}}, sizeof(size_t))"), "A_REFUSAL");
                add("poisoned", format!("poisoned({index})"), "A_REFUSAL");
                add(
                    "of the first field",
                    format!("filled({index}, &({base}){{.struct_size = sizeof(size_t)}}, sizeof({base}))"),
                    "ANYTHING",
                );
                add(
                    "in odd memory",
                    format!("(const void *)((char *)filled({index}, &(size_t){{0x0101010101010101}}, 1) + 1)"),
                    "A_REFUSAL",
                );
                let fields = &self.header.structs[base][1..];
                for field in fields.iter().filter(|field| field.pointers == 0 && !field.is_array) {
                    let kind = field.base.as_str();
                    let values = match kind {
                        "float" | "double" => vec!["NAN".to_string(), "-1".to_string(), "1e300".to_string()],
                        "bool" => vec!["true".to_string()],
                        _ if self.header.callbacks.contains_key(kind) => continue,
                        _ if self.kind(kind).is_some() => vec![format!("stale.{}", snake_case(&kind["Tenon".len()..]))],
                        _ if self.header.structs.contains_key(kind) => continue,
                        _ => vec![format!("({kind})-1"), format!("({kind})3")],
                    };
                    for value in values {
                        let options = format!("({base}){{.struct_size = sizeof({base}), .{} = {value}}}", field.name);
                        add(&format!("{} {value}", field.name), format!("(filled({index}, &{options}, sizeof({base})))"), "ANYTHING");
                    }
                }
            }
            Role::Text => {
                add("NULL", "NULL".to_string(), self.null(function, index));
                add("empty", "\"\"".to_string(), "ANYTHING");
                add("not UTF-8", "\"\\xff\"".to_string(), "A_REFUSAL");
                add("too long", "(const char *)long_text".to_string(), "A_REFUSAL");
            }
            Role::Callback | Role::Lent => add("NULL", "NULL".to_string(), self.null(function, index)),
            Role::Drop => add("NULL", "NULL".to_string(), "ANYTHING"),
            Role::User => {}
            Role::Input | Role::Output => {
                add("NULL", "NULL".to_string(), self.null(function, index));
                let good = self.good(function, index);
                add("misaligned", format!("(void *)((char *){good} + 1)"), "ANYTHING");
                if let (Some(kind), true, 1) = (self.kind(base), parameter.is_const, parameter.pointers) {
                    add("of zero handles", format!("zeroed({index})"), "A_REFUSAL");
                    for (label, id) in self.bad_ids(kind) {
                        add(&format!("of handles: {label}"), format!("filled({index}, &(uint64_t){{{id}}}, 8)"), "A_REFUSAL");
                    }
                } else if base == "TenonValue" && parameter.is_const {
                    for bad in BAD_VALUES.iter().filter(|bad| **bad != "of_another_graph" || !self.is_alone(function)) {
                        add(&format!("of values: {bad}"), format!("filled({index}, &values.{bad}, sizeof values.{bad})"), "A_REFUSAL");
                    }
                } else if matches!(self.role(function, index), Role::Input) {
                    add("of ones", format!("memset(zeroed({index}), 0xff, ROOM)"), "ANYTHING");
                }
            }
            Role::Length => {
                for length in [0, 2, 7, MOST] {
                    add(&length.to_string(), length.to_string(), "ANYTHING");
                }
                add("SIZE_MAX", "SIZE_MAX".to_string(), "A_REFUSAL");
            }
            Role::Enum(_) => {
                for number in ["-1", "9999", "INT32_MIN", "INT32_MAX"] {
                    add(number, number.to_string(), "A_REFUSAL");
                }
            }
            Role::Number => {
                let numbers: &[&str] = match base.as_str() {
                    "double" | "float" => &["0", "-1", "1e300", "NAN", "INFINITY", "-INFINITY"],
                    "int64_t" => &["0", "-1", "INT64_MIN", "INT64_MAX"],
                    "int32_t" => &["0", "-1", "INT32_MIN", "INT32_MAX"],
                    "size_t" => &["0", "3", "SIZE_MAX"],
                    _ => &["0", "(uint64_t)-1"],
                };
                for number in numbers {
                    add(number, format!("({base}){number}"), "ANYTHING");
                }
            }
            Role::Bool => add("false", "false".to_string(), "ANYTHING"),
            Role::Value => {
                for bad in BAD_VALUES.iter().filter(|bad| **bad != "of_another_graph" || !self.is_alone(function)) {
                    let may_be = *bad == "zero" && self.is_optional(function, index);
                    add(bad, format!("values.{bad}"), if may_be { "ANYTHING" } else { "A_REFUSAL" });
                }
            }
            Role::Struct => {
                add("of ones", format!("({{ {base} v; memset(&v, 0xff, sizeof v); v; }})"), "ANYTHING");
                add("of poison", format!("({{ {base} v; memset(&v, POISON, sizeof v); v; }})"), "ANYTHING");
            }
        }
        bad
    }

    /// What NULL for this pointer may be answered with.
    fn null(&self, function: &Function, index: usize) -> &'static str {
        if self.is_optional(function, index) { "ANYTHING" } else { "A_REFUSAL" }
    }

    fn is_optional(&self, function: &Function, index: usize) -> bool {
        let (function, parameter) = (function.name.as_str(), function.parameters[index].name.as_str());
        // What draws numbers takes the context's generator for a zero one.
        let is_own_generator = parameter == "generator" && !function.starts_with("tenon_generator_");
        is_own_generator || OPTIONAL.contains(&(function, parameter))
    }

    /// Whether nothing but one parameter says what graph is meant: any will do.
    fn is_alone(&self, function: &Function) -> bool {
        let is_operand = |parameter: &&Parameter| {
            let is_output = parameter.pointers > 0 && !parameter.is_const;
            matches!(parameter.base.as_str(), "TenonValue" | "TenonGraph") && !is_output
        };
        function.parameters.iter().filter(is_operand).count() == 1
    }

    /// Whether a call may leave something in the graph that it gets.
    fn records(&self, function: &Function) -> bool {
        let is_recorded = |parameter: &Parameter| matches!(parameter.base.as_str(), "TenonValue" | "TenonGraph");
        function.result == "TenonValue" || function.parameters.iter().any(is_recorded)
    }

    /// Ids that are no handle of this kind: labels and C expressions.
    fn bad_ids(&self, kind: &str) -> Vec<(String, String)> {
        let mut ids = vec![
            ("stale".to_string(), format!("stale.{kind}.id")),
            ("foreign".to_string(), format!("foreign.{kind}.id")),
            ("of the next generation".to_string(), format!("objects.{kind}.id + (UINT64_C(1) << 24)")),
            ("of an index beyond".to_string(), format!("objects.{kind}.id | 0xffffff")),
            ("of another salt".to_string(), format!("objects.{kind}.id ^ (UINT64_C(1) << 63)")),
            ("one".to_string(), "1".to_string()),
            ("all ones".to_string(), "UINT64_MAX".to_string()),
        ];
        for (_, other) in self.kinds.iter().filter(|(_, other)| other != kind) {
            ids.push((format!("{other}'s"), format!("objects.{other}.id")));
        }
        ids
    }

    fn cases(&self, function: &Function) -> Vec<Case> {
        let count = function.parameters.len();
        let good: Vec<String> = (0..count).map(|index| self.good(function, index)).collect();
        let mut cases = Vec::new();
        // Freeing the good objects would leave none for the other calls.
        if !function.name.ends_with("_free") {
            cases.push(Case { label: "all good".to_string(), arguments: good.clone(), expectation: "ANYTHING" });
        }
        for index in 0..count {
            for (label, argument, expectation) in self.bad(function, index) {
                let mut arguments = good.clone();
                arguments[index] = argument;
                // A NULL error is passed along with a refusal, which must not write through it.
                if matches!(self.role(function, index), Role::Error)
                    && index > 0
                    && let Some((_, first, _)) = self.bad(function, 0).into_iter().next()
                {
                    arguments[0] = first;
                }
                cases.push(Case { label: format!("{}: {label}", function.parameters[index].name), arguments, expectation });
            }
            // NULL is an empty array.
            if index + 1 < count && matches!(self.role(function, index + 1), Role::Length) {
                let mut arguments = good.clone();
                arguments[index] = "NULL".to_string();
                arguments[index + 1] = "0".to_string();
                cases.push(Case { label: format!("{}: empty", function.parameters[index].name), arguments, expectation: "ANYTHING" });
            }
        }
        cases
    }

    fn sweep(&self, text: &mut String, function: &Function) {
        let name = &function.name;
        let has_status = function.result == "TenonStatus";
        let _ = write!(text, "static void sweep_{name}(void)\n{{\n    make(&own, &objects);\n    make_stale();\n");
        for Case { label, arguments, expectation } in self.cases(function) {
            let label = format!("{name}({label})").replace('\\', "\\\\").replace('"', "\\\"");
            let has_text =
                function.parameters.last().is_some_and(|p| p.base == "TenonError") && arguments.last().is_some_and(|a| a != "NULL");
            let call = format!("own.{name}({})", arguments.join(", "));
            let _ = write!(text, "    {{\n        what = \"{label}\";\n        begin();\n");
            if self.records(function) {
                text.push_str("        fresh_values();\n");
            }
            if has_status {
                let _ = writeln!(text, "        TenonStatus status = {call};");
                let _ = writeln!(text, "        if (finish(what, status, {expectation}, {})) {{", has_text as u8);
                for (index, parameter) in function.parameters.iter().enumerate() {
                    if let (Some(lent), Role::Output) = (parameter.base.strip_prefix("struct "), self.role(function, index)) {
                        let _ = writeln!(text, "            give_back_{lent}(*({} **)places[{index}]);", parameter.base);
                    }
                    // What the call made; objects that belong to the context would go with it as well.
                    if let (Role::Output, Some(kind), "poisoned") =
                        (self.role(function, index), self.kind(&parameter.base), &arguments[index][..8.min(arguments[index].len())])
                    {
                        let kind_type = &parameter.base;
                        assert!(
                            self.header.functions.iter().any(|f| f.name == format!("tenon_{kind}_free")),
                            "{name} makes a {kind}, which no function frees"
                        );
                        let _ = writeln!(text, "            own.tenon_{kind}_free(*({kind_type} *)places[{index}]);");
                    }
                }
                let _ = writeln!(text, "        }} else {{");
                for (index, argument) in arguments.iter().enumerate() {
                    if argument.contains("poisoned(") && matches!(self.role(function, index), Role::Output) {
                        let _ = writeln!(text, "            untouched(what, {index});");
                    }
                }
                let _ = writeln!(text, "        }}");
            } else if function.result == "TenonValue" {
                let _ = writeln!(text, "        finish_value(what, {call}, {expectation});");
            } else {
                let _ = writeln!(text, "        {}{call};", if function.result == "void" { "" } else { "(void)" });
                if self.records(function) {
                    text.push_str("        finish_graph(what);\n");
                }
            }
            text.push_str("    }\n");
        }
        let _ = write!(
            text,
            "    free_all(&own, &objects);\n    if (drops_given != drops_run)\n        fail(\"{name}\", \"a drop function did not run once\");\n}}\n\n"
        );
    }

    fn program(&self) -> String {
        let mut text = "#include <tenon.h>\n\n/* The functions of one copy of the library. */\nstruct api {\n".to_string();
        for function in &self.header.functions {
            let _ = writeln!(text, "    {} (*{})({});", function.result, function.name, function.c_parameters());
        }
        text.push_str("};\n\nstatic void load_functions(void *library, struct api *api);\n\n#include \"runtime.h\"\n\n/* A good object of each kind. */\nstruct objects {\n");
        for (kind, name) in &self.kinds {
            let _ = writeln!(text, "    {kind} {name};");
        }
        text.push_str("};\n\nstatic struct api own, other;\nstatic struct objects objects, stale, foreign;\nstatic const char *what;\n\n#include \"makers.h\"\n\n");

        text.push_str("static void load_functions(void *library, struct api *api)\n{\n");
        for function in &self.header.functions {
            let name = &function.name;
            let _ = writeln!(
                text,
                "    if ((*(void **)&api->{name} = dlsym(library, \"{name}\")) == NULL) fail(\"{name}\", \"not exported\");"
            );
        }
        text.push_str("}\n\nstatic void make(const struct api *tenon, struct objects *made)\n{\n");
        for (_, name) in &self.kinds {
            let _ = writeln!(text, "    if (make_{name}(tenon, made) != TENON_OK) fail(\"make_{name}\", \"failed\");");
        }
        text.push_str("}\n\nstatic void free_all(const struct api *tenon, struct objects *made)\n{\n    if (tenon->tenon_context_free(made->context) != TENON_OK) fail(\"tenon_context_free\", \"failed\");\n}\n\n");
        text.push_str("static void make_stale(void)\n{\n    make(&own, &stale);\n    free_all(&own, &stale);\n}\n\n");
        for (name, callback) in self.header.callbacks.iter().filter(|(name, _)| *name != "TenonDropFunction") {
            let _ = writeln!(text, "static {} callback_{name}({})\n{{", callback.result, callback.c_parameters());
            for parameter in &callback.parameters {
                let _ = writeln!(text, "    (void){};", parameter.name);
            }
            if self.header.structs.contains_key(&callback.result) {
                let _ = writeln!(text, "    return ({}){{0}};", callback.result);
            } else if callback.result != "void" {
                text.push_str("    return 0;\n");
            }
            text.push_str("}\n\n");
        }
        for function in &self.header.functions {
            self.sweep(&mut text, function);
        }
        text.push_str("int main(int argc, char **argv)\n{\n    if (argc != 3) fail(\"usage\", \"sweep LIBRARY COPY\");\n");
        text.push_str("    memset(poison, POISON, sizeof poison);\n    memset(long_text, 'a', sizeof long_text - 1);\n");
        text.push_str("    void *library = load(argv[1], &own), *copy = load(argv[2], &other);\n    make(&other, &foreign);\n");
        for function in &self.header.functions {
            let _ = writeln!(text, "    sweep_{}();", function.name);
        }
        text.push_str("    free_all(&other, &foreign);\n    unload(copy, argv[2]);\n    unload(library, argv[1]);\n");
        let _ = write!(
            text,
            "    printf(\"sweep: %d functions, %ld calls, %ld refused\\n\", {}, calls, refusals);\n    return 0;\n}}\n",
            self.header.functions.len()
        );
        text
    }
}
