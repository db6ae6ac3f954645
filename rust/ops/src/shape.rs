//! The shapes of replies: which fields there are, of which types. They are part of the ABI.

use std::collections::BTreeSet;

use schemars::{Schema, SchemaGenerator};
use scratchrs_fs::ProgressState;
use serde_json::{Map, Value};

use crate::{ErrorRecord, OPERATIONS, Operation};

/// The functions that a library has besides those of the list.
const FUNCTIONS: &str = "abi cancel detach end_jobs finish free progress";

/// The shapes of types, in one line each: `{path: text, size: number or nil}`.
#[derive(Debug, Default)]
pub struct Shapes(SchemaGenerator);

impl Shapes {
    /// The shape of what an operation replies.
    pub fn of(&mut self, operation: &Operation) -> String {
        self.of_schema(operation.schema)
    }

    /// The shape of an error.
    pub fn of_errors(&mut self) -> String {
        self.of_schema(SchemaGenerator::subschema_for::<ErrorRecord>)
    }

    /// The shape of the progress of a job.
    pub fn of_progress(&mut self) -> String {
        self.of_schema(SchemaGenerator::subschema_for::<Option<ProgressState>>)
    }

    /// The names of the fields that hold one of some words, in replies.
    pub fn words(&mut self) -> BTreeSet<String> {
        let shapes: String = OPERATIONS.iter().map(|operation| self.of(operation)).collect();
        let mut parts: Vec<&str> = shapes.split(": `").collect();
        // What is behind the last one.
        parts.pop();
        let fields = parts.iter().filter_map(|part| part.rsplit([' ', '{']).next());
        fields.map(str::to_owned).collect()
    }

    fn of_schema(&mut self, schema: impl Fn(&mut SchemaGenerator) -> Schema) -> String {
        let schema = schema(&mut self.0);
        shape(schema.as_value(), self.0.definitions(), &mut Vec::new())
    }
}

/// The number of this list of operations, computed: any change of an argument or of the shape of a reply
/// changes it. [`crate::ABI`] is the same.
pub fn current_abi() -> u64 {
    // FNV-1a: any change must show, nothing else matters.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    let mut shapes = Shapes::default();
    add(FUNCTIONS);
    add(&shapes.of_errors());
    add(&shapes.of_progress());
    for operation in OPERATIONS {
        let Operation { kind, name, arguments, .. } = operation;
        add(&format!("{kind} {name}{arguments:?}{}\n", shapes.of(operation)));
    }
    hash
}

/// The shape of a schema. `within` are the types that it is part of: there, their names are enough.
fn shape(schema: &Value, types: &Map<String, Value>, within: &mut Vec<String>) -> String {
    let Some(schema) = schema.as_object() else { return "anything".to_owned() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        if within.contains(&name) {
            return name;
        }
        let definition = types.get(&name).unwrap_or(&Value::Null);
        within.push(name.clone());
        let shape = shape(definition, types, within);
        within.pop();
        // The name says where it occurs in itself.
        return if shape.contains(&name) { format!("{name} = {shape}") } else { shape };
    }
    if let Some(value) = schema.get("const").and_then(Value::as_str) {
        return format!("`{value}`");
    }
    let mut each = |list: &Value, separator: &str| {
        let parts = list.as_array().into_iter().flatten();
        parts.map(|part| shape(part, types, within)).collect::<Vec<_>>().join(separator)
    };
    for key in ["anyOf", "oneOf"] {
        if let Some(list) = schema.get(key) {
            return each(list, " or ");
        }
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        let words = list.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(" or ");
    }
    if let Some(list) = schema.get("prefixItems") {
        return format!("[{}]", each(list, ", "));
    }
    let mut of_type = |name: &str| match name {
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "time".to_owned(),
            Some(format) => format.to_owned(),
            None => "text".to_owned(),
        },
        "integer" => "number".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "flag".to_owned(),
        "null" => "nil".to_owned(),
        "array" => {
            format!(
                "[{}…]",
                schema.get("items").map_or_else(String::new, |of| shape(of, types, within))
            )
        }
        _ => match schema.get("properties").and_then(Value::as_object) {
            Some(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, of)| format!("{name}: {}", shape(of, types, within)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            None => "table".to_owned(),
        },
    };
    match schema.get("type") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(of_type).collect::<Vec<_>>().join(" or ")
        }
        Some(Value::String(name)) => of_type(name),
        _ => "anything".to_owned(),
    }
}
