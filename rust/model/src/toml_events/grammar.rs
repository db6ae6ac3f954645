//! The grammar of TOML, over the tokens of `toml_parser`.

use std::borrow::Cow;
use std::str::FromStr;

use toml::value::Datetime;
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Lexer, Token, TokenKind};
use toml_parser::{ParseError, Raw, Source, Span};

use super::{Event, Path, Place, Receiver, Scalar, Step, Stop};

/// The maximum depth of arrays and inline tables. The `toml` crate has a similar limit.
const DEEPEST: usize = 80;

/// An open array or inline table.
struct Open {
    is_table: bool,
    /// The length of the path outside of it.
    length: usize,
    /// The number of arrays around it.
    arrays: usize,
    at: usize,
}

/// The keys of the last header.
#[derive(Default)]
pub(super) struct Headers<'t> {
    path: Path<'t>,
    length: usize,
}

/// Reads a text, or a part of one.
pub(super) struct Reader<'t> {
    /// The part, and the byte of the text at which it begins.
    pub(super) text: &'t str,
    pub(super) begin: usize,
    /// The byte of the part up to which lines were read.
    pub(super) position: usize,
    source: Source<'t>,
    tokens: Lexer<'t>,
    pub(super) next: Option<Token>,
    /// The byte of the text at which the source of the tokens begins.
    base: usize,
    /// Whether the text is damaged, and read with less strict rules.
    is_salvage: bool,
    /// The byte after the last token of a value.
    pub(super) passed: usize,
    /// The byte at which the last key begins.
    pub(super) key_at: usize,
    /// The byte at which the current header, or the current key with its value, begins.
    pub(super) item_at: usize,
    /// The number of read bytes of headers, and of keys with values.
    pub(super) read: usize,
    open: Vec<Open>,
    pub(super) path: Path<'t>,
    /// The number of keys in the path that are those of the last header.
    pub(super) header: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn strict(text: &'t str) -> Self {
        Self::new(text, 0, Headers::default(), false)
    }

    /// Reads a part of a damaged text, which begins at the byte `begin` of it, below a header.
    pub(super) fn salvaging(part: &'t str, begin: usize, headers: Headers<'t>) -> Self {
        Self::new(part, begin, headers, true)
    }

    fn new(text: &'t str, begin: usize, headers: Headers<'t>, is_salvage: bool) -> Self {
        let source = Source::new("");
        Self {
            text,
            begin,
            position: 0,
            source,
            tokens: source.lex(),
            next: None,
            base: begin,
            is_salvage,
            passed: begin,
            key_at: begin,
            item_at: begin,
            read: 0,
            open: Vec::new(),
            path: headers.path,
            header: headers.length,
        }
    }

    /// Begins with the tokens at the position.
    fn lex(&mut self) -> Step {
        const BYTE_ORDER_MARK: char = '\u{feff}';
        let rest = &self.text[self.position..];
        self.base = self.begin + self.position;
        if self.position > 0 && !self.is_salvage && rest.starts_with(BYTE_ORDER_MARK) {
            let message = "a byte order mark within the text".to_owned();
            return Err(Stop { at: self.base, message });
        }
        self.source = Source::new(rest);
        self.tokens = self.source.lex();
        self.next = self.tokens.next();
        Ok(())
    }

    /// Continues after an error, at a byte of the text. Keys after a damaged header have no header.
    pub(super) fn go_on(&mut self, at: usize, is_header_damaged: bool) {
        self.position = at - self.begin;
        self.open.clear();
        if is_header_damaged {
            self.header = 0;
        }
    }

    /// The byte after the last token.
    pub(super) fn ahead(&self) -> usize {
        self.next.map_or(self.passed, |token| self.base + token.span().end())
    }

    pub(super) fn into_headers(self) -> Headers<'t> {
        Headers { path: self.path, length: self.header }
    }

    fn kind(&self) -> TokenKind {
        self.next.map_or(TokenKind::Eof, |token| token.kind())
    }

    fn at(&self) -> usize {
        let at = self.next.map_or(self.source.input().len(), |token| token.span().start());
        self.base + at
    }

    /// Reads the next token.
    fn bump(&mut self) {
        let is_blank = matches!(self.kind(), TokenKind::Whitespace | TokenKind::Eof);
        if let Some(token) = self.next.filter(|_| !is_blank) {
            self.passed = self.base + token.span().end();
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

    fn checked(&self, error: Option<ParseError>, span: Span) -> Step {
        let Some(error) = error else { return Ok(()) };
        let at = error.unexpected().map_or(span.start(), |unexpected| unexpected.start());
        Err(Stop { at: self.base + at, message: error.description().to_owned() })
    }

    fn blanks(&mut self) {
        while self.take(TokenKind::Whitespace) {}
    }

    /// Skips blanks, comments and ends of lines.
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
        self.checked(error, token.span())
    }

    fn newline(&mut self) -> Step {
        let Some(token) = self.next else { return Ok(()) };
        let mut error = None;
        self.raw(token.span(), None).decode_newline(&mut error);
        self.bump();
        self.checked(error.filter(|_| !self.is_salvage), token.span())
    }

    /// The end of the line of a header or of a key.
    fn line_end(&mut self) -> Step {
        if self.is_salvage {
            return Ok(());
        }
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

    /// Reads to the end.
    pub(super) fn document(&mut self, receiver: &mut impl Receiver<'t>) -> Step {
        loop {
            self.plain_lines(receiver)?;
            self.lex()?;
            self.lines()?;
            self.item_at = self.at();
            match self.kind() {
                TokenKind::Eof => return Ok(()),
                TokenKind::LeftSquareBracket => {
                    self.path.length = 0;
                    let event = self.header()?;
                    self.tell(receiver, 0, self.item_at, event)?;
                    self.header = self.path.len();
                }
                _ => {
                    self.path.length = self.header;
                    self.key_value(receiver)?;
                }
            }
            self.read += self.passed - self.item_at;
            self.line_end()?;
            self.position = self.at() - self.begin;
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

    /// Reads a key, dotted or not, and appends it to the path.
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
            self.checked(error, token.span())?;
            self.path.push(key);
            self.bump();
            self.blanks();
            if !self.take(TokenKind::Dot) {
                return Ok(());
            }
        }
    }

    pub(super) fn tell(
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

    /// Continues after a value with the next one in the same array or table, and returns the number
    /// of arrays around it, or `None` if none is open any more.
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

    /// Ends the innermost array or table, and returns in how many arrays it is.
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
            TokenKind::MlLiteralString if !self.is_salvage => Some(Encoding::MlLiteralString),
            TokenKind::MlBasicString if !self.is_salvage => Some(Encoding::MlBasicString),
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
        self.checked(error, span)?;
        let at = self.base + span.start();
        let invalid = || Stop { at, message: format!("invalid {}", kind.description()) };
        match kind {
            ScalarKind::String => Ok(Scalar::Text(text)),
            ScalarKind::Boolean(value) => Ok(Scalar::Boolean(value)),
            ScalarKind::DateTime => {
                Datetime::from_str(&text).map(Scalar::Time).map_err(|_| invalid())
            }
            ScalarKind::Float => {
                // Other parsers refuse numbers that are too large, but accept `inf` and `nan`.
                let is_named = text.ends_with(['f', 'n']);
                let is_valid = text.parse().is_ok_and(|number: f64| number.is_finite() || is_named);
                is_valid.then_some(Scalar::Float).ok_or_else(invalid)
            }
            ScalarKind::Integer(radix) => {
                let number = i64::from_str_radix(&text, radix.value());
                number.map(Scalar::Integer).map_err(|_| invalid())
            }
        }
    }

    /// The rest of a value without quotation marks: a number may have dots in it, and a date and
    /// its time of day a space between them.
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
                    if self.kind() != TokenKind::Atom || !self.is_before_digit() {
                        return span;
                    }
                }
                _ => return span,
            }
        }
    }

    fn is_before_digit(&self) -> bool {
        self.source.input().as_bytes().get(self.at() - self.base).is_some_and(u8::is_ascii_digit)
    }

    fn is_date(&self, span: Span) -> bool {
        let text = &self.source.input()[span.start()..span.end()];
        text.len() == 10 && text.as_bytes()[4] == b'-'
    }
}

fn end_of(is_table: bool) -> TokenKind {
    if is_table { TokenKind::RightCurlyBracket } else { TokenKind::RightSquareBracket }
}
