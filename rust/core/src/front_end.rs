//! Where options are typed that a text names.

/// Where options are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// The program `scratchrs`.
    Shell,
    /// The Julia package.
    Julia,
}

impl FrontEnd {
    /// The spelling for this one.
    pub fn spell<'a>(self, shell: &'a str, julia: &'a str) -> &'a str {
        match self {
            Self::Shell => shell,
            Self::Julia => julia,
        }
    }
}
