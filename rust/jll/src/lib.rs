//! JLL packages: what BinaryBuilder makes of a build, made from folders.
//!
//! [`audit()`](audit::audit) says whether the binaries in a folder serve on other machines, [`build`](build::build) makes tarballs and a package of
//! folders for several platforms.
//!
//! # On disk
//!
//! ```text
//! <output>/
//! ├── products/
//! │   └── Foo.v1.2.3.x86_64-linux-gnu.tar.gz    the artifact of a platform
//! └── Foo_jll/                                  the package, laid out as by BinaryBuilder
//!     ├── .gitignore                            `override/`, where a copy of the artifact may be
//!     ├── Artifacts.toml                        binds `Foo`, by platform
//!     ├── Project.toml
//!     ├── README.md
//!     └── src/
//!         ├── Foo_jll.jl                        chooses the wrapper of the platform
//!         └── wrappers/x86_64-linux-gnu.jl      the products on that platform
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files themselves"))]

pub mod audit;
pub mod binary;
pub mod build;
mod dependency;
mod error;
mod installed;
mod name;
mod package;
mod product;
pub mod system;
mod tarball;
mod tree;
mod version;

pub use dependency::{Dependency, InvalidDependency};
pub use error::{Error, Result};
pub use name::{InvalidName, JllName};
pub use product::{InvalidProduct, Product, ProductKind};
pub use tarball::{Binding, Tarball, artifacts_toml};
pub use version::{InvalidVersion, Version};
