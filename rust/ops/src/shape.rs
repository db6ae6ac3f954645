//! The shapes of replies: which fields there are, of which types. They are part of the ABI.

use std::collections::BTreeSet;
use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::{ErrorRecord, JobProgress, OPERATIONS, Operation};

/// The functions that a library has besides those of the list.
const FUNCTIONS: &str = "abi cancel detach end_jobs finish free progress(columns, has_colour)";

/// The shape of a type. It prints as one line, such as `{path: text, size: number or nil}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A type without parts, by its name: `nil`, `flag`, `number`, `float`, `text`, `time`, `sha1`, `sha256`,
    /// `table`; or the name of a type that the shape is part of.
    Plain(String),
    /// A word: one of the texts that an enum can have.
    Word(String),
    /// A list of any length.
    List(Box<Shape>),
    /// A list of given values.
    Tuple(Vec<Shape>),
    /// Fields, by name.
    Fields(Vec<(String, Shape)>),
    /// One of several shapes.
    OneOf(Vec<Shape>),
    /// A shape that contains itself, and its name.
    Recursive(String, Box<Shape>),
}

impl Shape {
    /// Adds the names of all fields that hold words.
    fn fields_of_words(&self, names: &mut BTreeSet<String>) {
        match self {
            Self::Fields(fields) => {
                for (name, shape) in fields {
                    if shape.is_word() {
                        names.insert(name.clone());
                    }
                    shape.fields_of_words(names);
                }
            }
            Self::List(shape) | Self::Recursive(_, shape) => shape.fields_of_words(names),
            Self::Tuple(shapes) | Self::OneOf(shapes) => {
                shapes.iter().for_each(|shape| shape.fields_of_words(names));
            }
            Self::Plain(_) | Self::Word(_) => {}
        }
    }

    /// Whether values are words.
    pub fn is_word(&self) -> bool {
        match self {
            Self::Word(_) => true,
            Self::OneOf(shapes) => shapes.iter().any(Self::is_word),
            _ => false,
        }
    }

    /// Whether it is the type of this name.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Plain(plain) if plain == name)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |shapes: &[Self], separator: &str| {
            shapes.iter().map(Self::to_string).collect::<Vec<_>>().join(separator)
        };
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Word(word) => write!(f, "`{word}`"),
            Self::List(shape) => write!(f, "[{shape}…]"),
            Self::Tuple(shapes) => write!(f, "[{}]", joined(shapes, ", ")),
            Self::Fields(fields) => {
                let fields = fields.iter().map(|(name, shape)| format!("{name}: {shape}"));
                write!(f, "{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Self::OneOf(shapes) => f.write_str(&joined(shapes, " or ")),
            Self::Recursive(name, shape) => write!(f, "{name} = {shape}"),
        }
    }
}

/// Reads shapes from the schemas of types.
#[derive(Debug, Default)]
pub struct Shapes(SchemaGenerator);

impl Shapes {
    /// The shape of what an operation replies.
    pub fn of(&mut self, operation: &Operation) -> Shape {
        self.of_schema(operation.schema)
    }

    /// The shape of an error.
    pub fn of_errors(&mut self) -> Shape {
        self.of_schema(SchemaGenerator::subschema_for::<ErrorRecord>)
    }

    /// The shape of the progress of a job.
    pub fn of_progress(&mut self) -> Shape {
        self.of_schema(SchemaGenerator::subschema_for::<Option<JobProgress>>)
    }

    /// The names of the fields that hold words, in any reply.
    pub fn words(&mut self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        OPERATIONS.iter().for_each(|operation| self.of(operation).fields_of_words(&mut names));
        names
    }

    fn of_schema(&mut self, schema: impl Fn(&mut SchemaGenerator) -> Schema) -> Shape {
        let schema = schema(&mut self.0);
        let mut types = Types { definitions: self.0.definitions(), within: Vec::new() };
        types.shape(schema.as_value())
    }
}

/// The number of this list of operations, computed: it changes with any argument and with the shape of any
/// reply. [`crate::ABI`] is the same.
pub fn current_abi() -> u64 {
    // FNV-1a: it has to change with the text, and nothing else.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    let mut shapes = Shapes::default();
    add(FUNCTIONS);
    add(&shapes.of_errors().to_string());
    add(&shapes.of_progress().to_string());
    for operation in OPERATIONS {
        let Operation { kind, name, arguments, .. } = operation;
        add(&format!("{kind} {name}{arguments:?}{}\n", shapes.of(operation)));
    }
    hash
}

/// The named types that schemas refer to.
struct Types<'a> {
    definitions: &'a Map<String, Value>,
    /// The types that the current schema is part of: their names are enough.
    within: Vec<String>,
}

impl Types<'_> {
    fn shape(&mut self, schema: &Value) -> Shape {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.named(name.rsplit('/').next().unwrap_or_default());
        }
        if let Some(Value::String(word)) = schema.get("const") {
            return Shape::Word(word.clone());
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = schema.get(key) {
                return Shape::OneOf(self.shapes(schemas));
            }
        }
        if let Some(Value::Array(words)) = schema.get("enum") {
            let words = words.iter().filter_map(Value::as_str);
            return Shape::OneOf(words.map(|word| Shape::Word(word.to_owned())).collect());
        }
        if let Some(Value::Array(schemas)) = schema.get("prefixItems") {
            return Shape::Tuple(self.shapes(schemas));
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.of_type(name, schema),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                Shape::OneOf(names.map(|name| self.of_type(name, schema)).collect())
            }
            _ => Shape::Plain("anything".to_owned()),
        }
    }

    fn shapes(&mut self, schemas: &[Value]) -> Vec<Shape> {
        schemas.iter().map(|schema| self.shape(schema)).collect()
    }

    fn named(&mut self, name: &str) -> Shape {
        if self.within.iter().any(|outer| outer == name) {
            return Shape::Plain(name.to_owned());
        }
        self.within.push(name.to_owned());
        let definitions = self.definitions;
        let shape = self.shape(definitions.get(name).unwrap_or(&Value::Null));
        self.within.pop();
        // The name says where the shape occurs in itself.
        match shape.to_string().contains(name) {
            true => Shape::Recursive(name.to_owned(), Box::new(shape)),
            false => shape,
        }
    }

    fn of_type(&mut self, name: &str, schema: &Value) -> Shape {
        let plain = match name {
            "string" => match schema.get("format").and_then(Value::as_str) {
                Some("date-time") => "time",
                Some(format) => format,
                None => "text",
            },
            "integer" => "number",
            "number" => "float",
            "boolean" => "flag",
            "null" => "nil",
            "array" => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                return Shape::List(Box::new(self.shape(items)));
            }
            _ => match schema.get("properties") {
                Some(Value::Object(fields)) => {
                    let fields = fields.iter();
                    let fields = fields.map(|(name, schema)| (name.clone(), self.shape(schema)));
                    return Shape::Fields(fields.collect());
                }
                _ => "table",
            },
        };
        Shape::Plain(plain.to_owned())
    }
}
