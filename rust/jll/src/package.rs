//! The files of a JLL package, laid out as by BinaryBuilder (`build_jll_package` in its `src/AutoBuild.jl`).

use std::collections::BTreeMap;
use std::fmt::Write;

use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::build::{Backend, Recipe};
use crate::dependency::Dependency;
use crate::product::{Product, ProductKind};

/// The standard libraries and packages that a generated package uses, with the versions that serve.
const ARTIFACTS: Package =
    Package("Artifacts", "56f22d72-fd6d-98f1-02f0-08ddc0907c33", "< 0.0.1, 1");
const LIBDL: Package = Package("Libdl", "8f399da3-3557-5675-b5ff-fb832c97cbdb", "< 0.0.1, 1");
const JLL_WRAPPERS: Package =
    Package("JLLWrappers", "692b3bcd-3c85-4b1f-b108-f13ce0eb3210", "1.7.0");
const SCRATCH_RS: Package = Package("ScratchRS", "8df67668-ca49-459c-97b7-c4421c9c1418", "0.1");

/// A package: its name, its UUID and the versions that serve.
struct Package(&'static str, &'static str, &'static str);

/// A product, and its place in the artifact of a platform.
pub(crate) struct Located<'a> {
    pub(crate) product: &'a Product,
    /// Its path, with slashes.
    pub(crate) path: String,
    /// The name of a library for the dynamic linker.
    pub(crate) soname: Option<String>,
}

/// An artifact of the package.
pub(crate) struct Variant<'a> {
    /// `None` for all platforms.
    pub(crate) platform: Option<&'a Platform>,
    /// In the order of the wrapper.
    pub(crate) products: Vec<Located<'a>>,
}

/// The files by path, with slashes. `artifacts_toml` binds the artifacts.
pub(crate) fn files(
    recipe: &Recipe<'_>,
    variants: &[Variant<'_>],
    artifacts_toml: String,
) -> BTreeMap<String, String> {
    let package = recipe.name.package();
    let mut files = BTreeMap::from([
        (".gitignore".to_owned(), "override/\n".to_owned()),
        ("Artifacts.toml".to_owned(), artifacts_toml),
        ("Project.toml".to_owned(), project(recipe)),
        ("README.md".to_owned(), readme(recipe, variants)),
    ]);
    let main = match recipe.backend {
        Backend::JllWrappers => {
            for variant in variants {
                let path = format!("src/wrappers/{}.jl", triplet(variant.platform));
                files.insert(path, wrapper(recipe, variant));
            }
            main(recipe)
        }
        Backend::ScratchRs => main_of_scratchrs(recipe),
    };
    files.insert(format!("src/{package}.jl"), main);
    files
}

/// The name of a platform in the names of files.
pub(crate) fn triplet(platform: Option<&Platform>) -> String {
    platform.map_or_else(|| "any".to_owned(), ToString::to_string)
}

fn project(recipe: &Recipe<'_>) -> String {
    #[derive(Serialize)]
    struct Project {
        name: String,
        uuid: String,
        version: String,
        deps: BTreeMap<String, String>,
        compat: BTreeMap<String, String>,
    }
    let used: &[Package] = match recipe.backend {
        Backend::JllWrappers => &[ARTIFACTS, LIBDL, JLL_WRAPPERS],
        Backend::ScratchRs => &[SCRATCH_RS],
    };
    let mut deps = BTreeMap::new();
    let mut compat = BTreeMap::from([("julia".to_owned(), recipe.julia_compat.to_owned())]);
    for Package(name, uuid, versions) in used {
        deps.insert((*name).to_owned(), (*uuid).to_owned());
        compat.insert((*name).to_owned(), (*versions).to_owned());
    }
    for dependency in recipe.dependencies {
        deps.insert(dependency.to_string(), dependency.uuid().to_string());
        if let Some(versions) = &dependency.compat {
            compat.insert(dependency.to_string(), versions.clone());
        }
    }
    let project = Project {
        name: recipe.name.package(),
        uuid: recipe.name.uuid().to_string(),
        version: recipe.version.to_string(),
        deps,
        compat,
    };
    toml::to_string(&project).unwrap_or_default()
}

fn main(recipe: &Recipe<'_>) -> String {
    let (name, package, uuid) = (recipe.name, recipe.name.package(), recipe.name.uuid());
    format!(
        "# Use baremodule to shave off a few KB from the serialized `.ji` file\n\
         baremodule {package}\n\
         using Base\n\
         using Base: UUID\n\
         import JLLWrappers\n\
         \n\
         JLLWrappers.@generate_main_file_header(\"{name}\")\n\
         JLLWrappers.@generate_main_file(\"{name}\", UUID(\"{uuid}\"))\n\
         end  # module {package}\n"
    )
}

fn main_of_scratchrs(recipe: &Recipe<'_>) -> String {
    let (name, package) = (recipe.name, recipe.name.package());
    // `@products` loads the JLL packages among the dependencies.
    let mut text = format!("module {package}\n\nusing ScratchRS\n\n@products(\n    \"{name}\",\n");
    for product in sorted(recipe.products) {
        let _ = writeln!(text, "    {},", constructor(product));
    }
    let _ = write!(text, ")\n\nend  # module {package}\n");
    text
}

/// A product as Julia code constructs it.
fn constructor(product: &Product) -> String {
    let kind = match product.kind {
        ProductKind::Library => "LibraryProduct",
        ProductKind::Executable => "ExecutableProduct",
        ProductKind::File => "FileProduct",
    };
    let names: Vec<_> = product.names.iter().map(|name| quoted(name)).collect();
    let names = match names.as_slice() {
        [name] => name.clone(),
        names => format!("[{}]", names.join(", ")),
    };
    let options = if product.is_loaded { "" } else { "; dont_dlopen = true" };
    format!("{kind}({names}, :{}{options})", product.variable)
}

fn wrapper(recipe: &Recipe<'_>, variant: &Variant<'_>) -> String {
    let (name, package) = (recipe.name, recipe.name.package());
    let dependencies: Vec<_> = recipe.dependencies.iter().map(Dependency::to_string).collect();
    let triplet = triplet(variant.platform);
    let mut text = format!("# Autogenerated wrapper script for {package} for {triplet}\n");
    let mut variables: Vec<_> =
        variant.products.iter().map(|located| &*located.product.variable).collect();
    variables.sort_unstable();
    if !variables.is_empty() {
        let _ = writeln!(text, "export {}\n", variables.join(", "));
    }
    for dependency in &dependencies {
        let _ = writeln!(text, "using {dependency}");
    }
    let _ = writeln!(text, "JLLWrappers.@generate_wrapper_header(\"{name}\")");
    for Located { product, soname, .. } in &variant.products {
        let variable = &product.variable;
        let _ = match product.kind {
            ProductKind::Library => {
                let soname = quoted(soname.as_deref().unwrap_or_default());
                writeln!(text, "JLLWrappers.@declare_library_product({variable}, {soname})")
            }
            ProductKind::Executable => {
                writeln!(text, "JLLWrappers.@declare_executable_product({variable})")
            }
            ProductKind::File => writeln!(text, "JLLWrappers.@declare_file_product({variable})"),
        };
    }
    let _ = writeln!(
        text,
        "function __init__()\n    JLLWrappers.@generate_init_header({})",
        dependencies.join(", ")
    );
    let is_windows = variant.platform.is_some_and(|it| it.tag("os") == Some("windows"));
    for Located { product, path, .. } in &variant.products {
        // `dlopen` of Windows wants backslashes.
        let path = if is_windows { path.replace('/', "\\") } else { path.clone() };
        let kind = product.kind;
        let _ = writeln!(
            text,
            "    JLLWrappers.@init_{kind}_product(\n        {},\n        {},",
            product.variable,
            quoted(&path)
        );
        if kind == ProductKind::Library {
            let flags = if product.is_loaded { "RTLD_LAZY | RTLD_DEEPBIND" } else { "nothing" };
            let _ = writeln!(text, "        {flags},");
        }
        text.push_str("    )\n\n");
    }
    text.push_str("    JLLWrappers.@generate_init_footer()\nend  # __init__()\n");
    text
}

fn readme(recipe: &Recipe<'_>, variants: &[Variant<'_>]) -> String {
    let (package, version) = (recipe.name.package(), &recipe.version);
    let mut text = format!(
        "# `{package}.jl` (v{version})\n\nThis package was generated by `scratchrs jll`.\n\n## Platforms\n\n\
         `{package}.jl` is available for these platforms:\n\n"
    );
    for variant in variants {
        let _ = writeln!(text, "* `{}`", triplet(variant.platform));
    }
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = write!(text, "\n## {title}\n\n{}\n", items.join("\n"));
        }
    };
    list("Dependencies", recipe.dependencies.iter().map(|it| format!("* `{it}`")).collect());
    let of_product = |it: &&Product| format!("* `{}`: `{}`", it.kind, it.variable);
    list("Products", sorted(recipe.products).iter().map(of_product).collect());
    text
}

/// In the order of BinaryBuilder: libraries before executables, and by variable.
pub(crate) fn sorted(products: &[Product]) -> Vec<&Product> {
    let mut sorted: Vec<_> = products.iter().collect();
    sorted.sort_by(|a, b| (a.kind, &a.variable).cmp(&(b.kind, &b.variable)));
    sorted
}

/// A text as a literal of Julia.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '$') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal + "\""
}
