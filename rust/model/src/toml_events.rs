//! TOML as a sequence of events: the one reader of every text that decides what is deleted.
//!
//! A collection reads files of any size and in any state. A tree of values would take many times
//! the memory of its text; here each header and each value is told to a [`Receiver`] as soon as
//! it is read, and nothing else is stored. Tokens and strings are those of the `toml_parser` crate.
//!
//! Time is linear in the bytes of the text, and memory does not grow with it: keys behind the fourth
//! of a path are counted only, and values that are nested deeper than [`DEEPEST`] are invalid.
//!
//! # Compatibility
//!
//! Everything that is not TOML is an error, except what the format forbids about repetition: a key
//! or a table that is defined twice, and a value that is also a table. All definitions are told, so
//! that a collection keeps what each of them names.

use std::borrow::Cow;
use std::str::FromStr;

use toml::value::Datetime;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Lexer, Token, TokenKind};
use toml_parser::{ParseError, Raw, Source, Span};

use crate::diagnostic::Diagnostic;

/// How deep arrays and inline tables may be nested. The `toml` crate has a limit of this order too.
const DEEPEST: usize = 80;

/// How many keys of a path are stored.
const STORED_KEYS: usize = 4;

/// The keys that lead to a value from the top of a text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path<'t> {
    keys: [Cow<'t, str>; STORED_KEYS],
    length: usize,
}

impl<'t> Path<'t> {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// A key, counted from the top; empty for one behind the fourth.
    pub(crate) fn key(&self, index: usize) -> &str {
        self.keys.get(index).map_or("", |key| key)
    }

    /// A key, to be stored longer than the path.
    pub(crate) fn take(&self, index: usize) -> Cow<'t, str> {
        self.keys.get(index).cloned().unwrap_or_default()
    }

    fn push(&mut self, key: Cow<'t, str>) {
        if let Some(place) = self.keys.get_mut(self.length) {
            *place = key;
        }
        self.length += 1;
    }
}

/// A value that has no values in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'t> {
    Text(Cow<'t, str>),
    Boolean,
    Time(Datetime),
    Number,
}

/// What stands at a path of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'t> {
    /// `[a.b]`
    Table,
    /// `[[a.b]]`
    Element,
    /// `{`: an inline table begins.
    OpenTable,
    /// `[`: an array begins.
    OpenArray,
    /// The inline table, or the array, at the path ends.
    Close,
    Scalar(Scalar<'t>),
}

/// An event and where it stands.
#[derive(Debug)]
pub(crate) struct Place<'a, 't> {
    pub(crate) path: &'a Path<'t>,
    /// How many arrays the value is in, counted from the last key of its path.
    pub(crate) arrays: usize,
    /// The byte of the text at which it begins.
    pub(crate) at: usize,
    /// The byte at which the key before it begins.
    pub(crate) key_at: usize,
    /// The byte behind it, of a scalar and of the end of an array or an inline table.
    pub(crate) end: usize,
}

/// Makes something of events.
pub(crate) trait Receiver<'t> {
    /// Takes an event.
    ///
    /// # Errors
    ///
    /// Why and where the text has no meaning. Nothing is read after that.
    fn receive(&mut self, place: Place<'_, 't>, event: Event<'t>) -> Step;
}

/// Reads a text to its end.
///
/// # Errors
///
/// The first place at which the text is not TOML, or at which the receiver refuses it.
pub(crate) fn read<'t>(text: &'t str, receiver: &mut impl Receiver<'t>) -> Result<(), Diagnostic> {
    let source = Source::new(text);
    let mut tokens = source.lex();
    let next = tokens.next();
    let (open, path) = (Vec::new(), Path::default());
    let mut reader = Reader { source, tokens, next, passed: 0, key_at: 0, open, path };
    reader.document(receiver).map_err(|Stop { at, message }| Diagnostic::at(text, at, message))
}

/// Refuses a text that takes too much memory as a tree of values: one that has very many of them for its
/// size. A text that is not TOML is left to the parser of such trees, unless it is long.
///
/// # Errors
///
/// Where there are too many.
pub(crate) fn check_number_of_values(text: &str) -> Result<(), Diagnostic> {
    const SHORT: usize = 1 << 16;
    let mut values = Values { left: 4096 + text.len() / 16, is_full: false };
    match read(text, &mut values) {
        Err(diagnostic) if values.is_full || text.len() > SHORT => Err(diagnostic),
        _ => Ok(()),
    }
}

/// Counts values.
struct Values {
    left: usize,
    is_full: bool,
}

impl<'t> Receiver<'t> for Values {
    fn receive(&mut self, place: Place<'_, 't>, _: Event<'t>) -> Step {
        self.is_full = self.left < place.path.len();
        if self.is_full {
            let message = "there are too many values for the size of the file".to_owned();
            return Err(Stop { at: place.at, message });
        }
        self.left -= place.path.len();
        Ok(())
    }
}

/// Why and where the reading of a text ends early.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) at: usize,
    pub(crate) message: String,
}

pub(crate) type Step<T = ()> = Result<T, Stop>;

/// An array or an inline table that has begun and not ended.
struct Open {
    is_table: bool,
    /// The length of the path outside of it.
    length: usize,
    /// In how many arrays it is itself.
    arrays: usize,
    at: usize,
}

struct Reader<'t> {
    source: Source<'t>,
    tokens: Lexer<'t>,
    next: Option<Token>,
    /// The byte behind the last token of a value.
    passed: usize,
    /// The byte at which the last key begins.
    key_at: usize,
    open: Vec<Open>,
    path: Path<'t>,
}

impl<'t> Reader<'t> {
    fn kind(&self) -> TokenKind {
        self.next.map_or(TokenKind::Eof, |token| token.kind())
    }

    fn at(&self) -> usize {
        self.next.map_or(self.source.input().len(), |token| token.span().start())
    }

    /// Takes the next token.
    fn bump(&mut self) {
        let is_blank = matches!(self.kind(), TokenKind::Whitespace | TokenKind::Eof);
        if let Some(token) = self.next.filter(|_| !is_blank) {
            self.passed = token.span().end();
        }
        self.next = self.tokens.next();
    }

    fn take(&mut self, kind: TokenKind) -> bool {
        let is_it = self.kind() == kind;
        if is_it {
            self.bump();
        }
        is_it
    }

    fn expect(&mut self, kind: TokenKind) -> Step {
        match self.take(kind) {
            true => Ok(()),
            false => Err(self.unexpected(kind.description())),
        }
    }

    fn unexpected(&self, expected: &str) -> Stop {
        let found = self.kind().description();
        Stop { at: self.at(), message: format!("expected {expected}, found {found}") }
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'t> {
        let text = &self.source.input()[span.start()..span.end()];
        Raw::new_unchecked(text, encoding, span)
    }

    fn blanks(&mut self) {
        while self.take(TokenKind::Whitespace) {}
    }

    /// Passes over blanks, comments and ends of lines.
    fn lines(&mut self) -> Step {
        loop {
            match self.kind() {
                TokenKind::Whitespace => self.bump(),
                TokenKind::Comment => self.comment()?,
                TokenKind::Newline => self.newline()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Step {
        let Some(token) = self.next else { return Ok(()) };
        let mut error = None;
        self.raw(token.span(), None).decode_comment(&mut error);
        self.bump();
        checked(error, token.span())
    }

    fn newline(&mut self) -> Step {
        let Some(token) = self.next else { return Ok(()) };
        let mut error = None;
        self.raw(token.span(), None).decode_newline(&mut error);
        self.bump();
        checked(error, token.span())
    }

    /// The end of the line of a header or of a key.
    fn line_end(&mut self) -> Step {
        self.blanks();
        if self.kind() == TokenKind::Comment {
            self.comment()?;
        }
        match self.kind() {
            TokenKind::Newline => self.newline(),
            TokenKind::Eof => Ok(()),
            _ => Err(self.unexpected("the end of the line")),
        }
    }

    fn document(&mut self, receiver: &mut impl Receiver<'t>) -> Step {
        let mut header = Path::default();
        loop {
            self.lines()?;
            let at = self.at();
            match self.kind() {
                TokenKind::Eof => return Ok(()),
                TokenKind::LeftSquareBracket => {
                    self.path = Path::default();
                    let event = self.header()?;
                    self.tell(receiver, 0, at, event)?;
                    header = self.path.clone();
                    self.line_end()?;
                }
                _ => {
                    self.path = header.clone();
                    self.key_value(receiver)?;
                    self.line_end()?;
                }
            }
        }
    }

    fn header(&mut self) -> Step<Event<'t>> {
        self.expect(TokenKind::LeftSquareBracket)?;
        let is_element = self.take(TokenKind::LeftSquareBracket);
        self.keys()?;
        self.expect(TokenKind::RightSquareBracket)?;
        if !is_element {
            return Ok(Event::Table);
        }
        self.expect(TokenKind::RightSquareBracket)?;
        Ok(Event::Element)
    }

    /// Reads a key, dotted or not, behind the path.
    fn keys(&mut self) -> Step {
        self.blanks();
        self.key_at = self.at();
        loop {
            self.blanks();
            let encoding = match self.kind() {
                TokenKind::Atom => None,
                TokenKind::BasicString => Some(Encoding::BasicString),
                TokenKind::LiteralString => Some(Encoding::LiteralString),
                _ => return Err(self.unexpected("a key")),
            };
            let Some(token) = self.next else { return Ok(()) };
            let (mut key, mut error) = (Cow::Borrowed(""), None);
            self.raw(token.span(), encoding).decode_key(&mut key, &mut error);
            checked(error, token.span())?;
            self.path.push(key);
            self.bump();
            self.blanks();
            if !self.take(TokenKind::Dot) {
                return Ok(());
            }
        }
    }

    fn tell(
        &self,
        receiver: &mut impl Receiver<'t>,
        arrays: usize,
        at: usize,
        event: Event<'t>,
    ) -> Step {
        let Self { path, key_at, passed, .. } = self;
        let place = Place { path, arrays, at, key_at: *key_at, end: *passed };
        receiver.receive(place, event)
    }

    fn key(&mut self) -> Step {
        self.keys()?;
        self.expect(TokenKind::Equals)?;
        self.blanks();
        Ok(())
    }

    fn key_value(&mut self, receiver: &mut impl Receiver<'t>) -> Step {
        self.key()?;
        let mut arrays = 0;
        loop {
            let at = self.at();
            match self.kind() {
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                    let is_table = self.kind() == TokenKind::LeftCurlyBracket;
                    self.bump();
                    let event = if is_table { Event::OpenTable } else { Event::OpenArray };
                    self.tell(receiver, arrays, at, event)?;
                    if self.open.len() == DEEPEST {
                        let message = "the value is nested too deeply".to_owned();
                        return Err(Stop { at, message });
                    }
                    self.open.push(Open { is_table, length: self.path.len(), arrays, at });
                    arrays = if is_table { 0 } else { arrays + 1 };
                    self.lines()?;
                    if !self.take(end_of(is_table)) {
                        if is_table {
                            self.key()?;
                        }
                        continue;
                    }
                    arrays = self.close(receiver)?;
                }
                _ => {
                    let scalar = self.scalar()?;
                    self.tell(receiver, arrays, at, Event::Scalar(scalar))?;
                }
            }
            match self.next_value(receiver, arrays)? {
                Some(next) => arrays = next,
                None => return Ok(()),
            }
        }
    }

    /// Goes on behind a value to the next one in what is open, and returns in how many arrays that is;
    /// `None` if nothing is open any more.
    fn next_value(
        &mut self,
        receiver: &mut impl Receiver<'t>,
        mut arrays: usize,
    ) -> Step<Option<usize>> {
        while let Some(open) = self.open.last() {
            let (is_table, length) = (open.is_table, open.length);
            self.lines()?;
            if self.take(TokenKind::Comma) {
                self.lines()?;
                if !self.take(end_of(is_table)) {
                    if is_table {
                        self.path.length = length;
                        self.key()?;
                        return Ok(Some(0));
                    }
                    return Ok(Some(arrays));
                }
            } else if !self.take(end_of(is_table)) {
                let expected = if is_table { "`,` or `}`" } else { "`,` or `]`" };
                return Err(self.unexpected(expected));
            }
            arrays = self.close(receiver)?;
        }
        Ok(None)
    }

    /// Ends what was opened last, and returns in how many arrays that is.
    fn close(&mut self, receiver: &mut impl Receiver<'t>) -> Step<usize> {
        let Some(Open { length, arrays, at, .. }) = self.open.pop() else { return Ok(0) };
        self.path.length = length;
        self.tell(receiver, arrays, at, Event::Close)?;
        Ok(arrays)
    }

    fn scalar(&mut self) -> Step<Scalar<'t>> {
        let encoding = match self.kind() {
            TokenKind::LiteralString => Some(Encoding::LiteralString),
            TokenKind::BasicString => Some(Encoding::BasicString),
            TokenKind::MlLiteralString => Some(Encoding::MlLiteralString),
            TokenKind::MlBasicString => Some(Encoding::MlBasicString),
            TokenKind::Atom | TokenKind::Dot => None,
            _ => return Err(self.unexpected("a value")),
        };
        let Some(token) = self.next else { return Err(self.unexpected("a value")) };
        self.bump();
        let span = match encoding {
            Some(_) => token.span(),
            None => self.unquoted(token.span()),
        };
        let (mut text, mut error) = (Cow::Borrowed(""), None);
        let kind = self.raw(span, encoding).decode_scalar(&mut text, &mut error);
        checked(error, span)?;
        let invalid =
            || Stop { at: span.start(), message: format!("invalid {}", kind.description()) };
        match kind {
            ScalarKind::String => Ok(Scalar::Text(text)),
            ScalarKind::Boolean(_) => Ok(Scalar::Boolean),
            ScalarKind::DateTime => {
                Datetime::from_str(&text).map(Scalar::Time).map_err(|_| invalid())
            }
            ScalarKind::Float => {
                // One that is too large is no number for others; `inf` and `nan` are.
                let is_named = text.ends_with(['f', 'n']);
                let is_valid = text.parse().is_ok_and(|number: f64| number.is_finite() || is_named);
                is_valid.then_some(Scalar::Number).ok_or_else(invalid)
            }
            ScalarKind::Integer(radix) => {
                let is_valid = i64::from_str_radix(&text, radix.value()).is_ok();
                is_valid.then_some(Scalar::Number).ok_or_else(invalid)
            }
        }
    }

    /// The rest of a value without quotation marks: a number may have dots in it, and a date and its
    /// time of day a space between them.
    fn unquoted(&mut self, mut span: Span) -> Span {
        loop {
            match self.kind() {
                TokenKind::Dot | TokenKind::Atom => {
                    let Some(token) = self.next else { return span };
                    span = span.append(token.span());
                    self.bump();
                }
                TokenKind::Whitespace if self.is_date(span) => {
                    self.bump();
                    if self.kind() != TokenKind::Atom {
                        return span;
                    }
                }
                _ => return span,
            }
        }
    }

    fn is_date(&self, span: Span) -> bool {
        let text = &self.source.input()[span.start()..span.end()];
        text.len() == 10 && text.as_bytes()[4] == b'-'
    }
}

fn end_of(is_table: bool) -> TokenKind {
    if is_table { TokenKind::RightCurlyBracket } else { TokenKind::RightSquareBracket }
}

fn checked(error: Option<ParseError>, span: Span) -> Step {
    let Some(error) = error else { return Ok(()) };
    let at = error.unexpected().map_or(span.start(), |unexpected| unexpected.start());
    Err(Stop { at, message: error.description().to_owned() })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::pieces;
