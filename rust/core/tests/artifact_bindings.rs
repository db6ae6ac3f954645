//! The paths of artifacts, and the files that bind them.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::time::Duration;

use scratchrs_core::artifact::{self, Stack};
use scratchrs_core::{Error, ErrorCode};
use scratchrs_model::artifacts_toml::{BindOptions, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::platform::Platform;
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, in_quotes, native, set_mode};

const PACKAGE: &str = "7b879065-7f74-5fa4-bdd5-9b7a15df8941";

fn hash(digit: &str) -> TreeHash {
    digit.repeat(40).parse().unwrap()
}

fn now() -> DepotTime {
    DepotTime::from_toml(&"2026-11-24T12:00:00".parse().unwrap()).unwrap()
}

fn linux() -> Platform {
    "x86_64-linux-gnu".parse().unwrap()
}

/// Three depots, of which the lab's is the first.
fn stack(lab: &DepotLab) -> Stack {
    let others = ["two", "three"].map(|name| lab.root().join(name).to_str().unwrap().to_owned());
    let depots = [lab.depot().to_owned()].into_iter().chain(others);
    Stack::new(depots, None).unwrap()
}

fn host() -> Host {
    Host::given(linux())
}

fn file(lab: &DepotLab) -> String {
    lab.root().join("Artifacts.toml").to_str().unwrap().to_owned()
}

fn bind(lab: &DepotLab, name: &str, digit: &str, options: BindOptions<'_>) -> Result<(), Error> {
    let bound =
        artifact::bind(&stack(lab), &file(lab), name, hash(digit), options, now(), Duration::ZERO);
    bound.map(|bound| assert_eq!(bound.file, file(lab)))
}

fn hash_of(lab: &DepotLab, name: &str) -> Option<TreeHash> {
    artifact::binding(&mut stack(lab), &file(lab), name, &host()).unwrap().map(|entry| entry.hash)
}

#[test]
fn the_first_depot_with_an_artifact_determines_its_path() {
    let lab = DepotLab::new();
    let stack = stack(&lab);
    let name = hash("1").to_string();
    let first = lab.path(&format!("artifacts/{name}"));
    assert_eq!(stack.path(hash("1")).unwrap(), first.to_str().unwrap());
    assert_eq!(stack.find(hash("1")).unwrap(), None);
    let second = lab.root().join(native("two/artifacts")).join(&name);
    fs::create_dir_all(&second).unwrap();
    assert_eq!(stack.find(hash("1")).unwrap().as_deref(), second.to_str());
    assert_eq!(stack.path(hash("1")).unwrap(), second.to_str().unwrap());
    assert_eq!(stack.candidates(hash("1")).unwrap().len(), 3);
    let directory = lab.root().join("own");
    let own = Stack::new([lab.depot()], directory.to_str()).unwrap();
    assert_eq!(own.candidates(hash("1")).unwrap(), [directory.join(&name).to_str().unwrap()]);
    let none = Stack::new([""; 0], None).unwrap();
    assert_eq!(none.path(hash("1")).unwrap_err().code(), ErrorCode::InvalidInput);
}

#[test]
fn overrides_of_all_depots_apply() {
    let lab = DepotLab::new();
    let mut stack = stack(&lab);
    let (one, two, three) = (hash("1"), hash("2"), hash("3"));
    fs::create_dir_all(lab.root().join("two/artifacts")).unwrap();
    let outer = format!("{one} = \"{two}\"\n{three} = \"/three\"\n[{PACKAGE}]\nx = \"/x\"\n");
    fs::write(lab.root().join("two/artifacts/Overrides.toml"), outer).unwrap();
    lab.write("artifacts/Overrides.toml", &format!("{three} = \"\"\nbad = \"relative\"\n"));
    let diagnostics = stack.read_overrides().unwrap();
    assert_eq!(diagnostics.len(), 1);
    assert!(diagnostics[0].file.ends_with(&native("depot/artifacts/Overrides.toml")));
    assert_eq!(diagnostics[0].diagnostic.line, Some(2));
    let elsewhere = lab.root().join(native("three/artifacts")).join(two.to_string());
    fs::create_dir_all(&elsewhere).unwrap();
    assert_eq!(stack.path(one).unwrap(), elsewhere.to_str().unwrap());
    assert_eq!(stack.overridden(three).unwrap(), None);
    let text = format!("[x]\ngit-tree-sha1 = \"{}\"\n", hash("4"));
    fs::write(file(&lab), text).unwrap();
    let project = format!("name = \"P\"\nuuid = \"{PACKAGE}\"\n");
    fs::write(lab.root().join("Project.toml"), project).unwrap();
    stack.load(&file(&lab)).unwrap().unwrap();
    assert_eq!(stack.overridden(hash("4")).unwrap().as_deref(), Some("/x"));
    assert_eq!(stack.without_overrides().overridden(hash("4")).unwrap(), None);

    lab.write("artifacts/Overrides.toml", "x = \n");
    let error = stack.read_overrides().unwrap_err();
    assert!(error.to_string().contains("Overrides.toml:1:5: "), "{error}");
    lab.write("artifacts/Overrides.toml", &format!("{one} = \"{two}\"\n{two} = \"{one}\"\n"));
    stack.read_overrides().unwrap();
    assert_eq!(stack.path(one).unwrap_err().code(), ErrorCode::Format);
}

#[test]
fn the_file_above_is_found_up_to_the_nearest_project() {
    let lab = DepotLab::new();
    let at = |path: &str| lab.path(path).to_str().unwrap().to_owned();
    lab.write("Artifacts.toml", "");
    lab.write("src/Code.jl", "");
    lab.write("both/Artifacts.toml", "");
    lab.write("both/JuliaArtifacts.toml", "");
    lab.write("sub/Project.toml", "");
    lab.write("sub/src/Code.jl", "");
    let found = |path: &str| artifact::file_above(&at(path)).unwrap();
    assert_eq!(found("src/Code.jl"), Some(at("Artifacts.toml")));
    assert_eq!(found("src"), Some(at("Artifacts.toml")));
    assert_eq!(found("src/gone/Code.jl"), Some(at("Artifacts.toml")));
    assert_eq!(found("both/Code.jl"), Some(at("both/JuliaArtifacts.toml")));
    assert_eq!(found("sub/src/Code.jl"), None);
}

#[test]
fn a_name_is_bound_and_its_file_is_logged() {
    let lab = DepotLab::new();
    assert_eq!(hash_of(&lab, "iris"), None);
    bind(&lab, "iris", "1", BindOptions::default()).unwrap();
    assert_eq!(hash_of(&lab, "iris"), Some(hash("1")));
    let log = fs::read_to_string(lab.path("logs/artifact_usage.toml")).unwrap();
    assert_eq!(
        log,
        format!("[[\"{}\"]]\ntime = 2026-11-24T12:00:00.000Z\n", in_quotes(file(&lab)))
    );

    let error = bind(&lab, "iris", "2", BindOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Conflict);
    let expected = format!("Mapping for 'iris' within {} already exists!", file(&lab));
    assert_eq!(error.to_string(), expected);
    assert_eq!(hash_of(&lab, "iris"), Some(hash("1")));
    bind(&lab, "iris", "2", BindOptions { force: true, ..BindOptions::default() }).unwrap();
    assert_eq!(hash_of(&lab, "iris"), Some(hash("2")));

    assert!(artifact::unbind(&file(&lab), "iris", None, Duration::ZERO).unwrap());
    assert!(!artifact::unbind(&file(&lab), "iris", None, Duration::ZERO).unwrap());
    assert_eq!(fs::read_to_string(file(&lab)).unwrap(), "");
    let names: Vec<_> =
        fs::read_dir(lab.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_refused_binding_leaves_the_file_and_is_not_logged() {
    let lab = DepotLab::new();
    fs::write(file(&lab), "[iris\n").unwrap();
    let error = bind(&lab, "iris", "1", BindOptions::default()).unwrap_err();
    assert!(
        error.to_string().ends_with("Artifacts.toml:1:6: expected `]`, found newline"),
        "{error}"
    );
    let error = artifact::unbind(&file(&lab), "iris", None, Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Format);
    assert_eq!(fs::read_to_string(file(&lab)).unwrap(), "[iris\n");
    assert_eq!(lab.tree(), "");
    let gone = lab.root().join("gone/Artifacts.toml");
    let error = artifact::unbind(gone.to_str().unwrap(), "x", None, Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    fs::write(file(&lab), b"a = 1\n\xff").unwrap();
    let error = bind(&lab, "iris", "1", BindOptions::default()).unwrap_err();
    assert!(error.to_string().contains(":2:1: "), "{error}");
}

#[test]
fn nothing_is_logged_in_a_read_only_depot() {
    let lab = DepotLab::new();
    fs::create_dir(lab.path("")).unwrap();
    set_mode(lab.path(""), 0o555);
    bind(&lab, "iris", "1", BindOptions::default()).unwrap();
    assert_eq!(hash_of(&lab, "iris"), Some(hash("1")));
    set_mode(lab.path(""), 0o755);
}

#[test]
fn a_file_that_another_process_changes_is_busy() {
    let lab = DepotLab::new();
    let lock = format!("{}.pid", file(&lab));
    fs::write(&lock, "1 elsewhere").unwrap();
    let error = bind(&lab, "iris", "1", BindOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Busy);
    assert!(!fs::exists(file(&lab)).unwrap());
}

#[test]
fn concurrent_bindings_in_one_file_are_all_kept() {
    let lab = DepotLab::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let lab = &lab;
            scope.spawn(move || {
                for number in 0..10 {
                    let name = format!("artifact-{thread}-{number}");
                    let lock_timeout = Duration::from_secs(60);
                    let options = BindOptions::default();
                    let (stack, file) = (stack(lab), file(lab));
                    artifact::bind(&stack, &file, &name, hash("1"), options, now(), lock_timeout)
                        .unwrap();
                }
            });
        }
    });
    let bindings = artifact::bindings(&file(&lab)).unwrap().unwrap();
    assert_eq!(bindings.names().count(), 80);
}

#[test]
fn downloadable_entries_fit_the_platform_and_are_not_lazy() {
    let lab = DepotLab::new();
    let download = format!("[{{url = \"https://u\", sha256 = \"{}\"}}]", "0".repeat(64));
    let text = format!(
        "a = {{git-tree-sha1 = \"{one}\", download = {download}}}\n\
         b = {{git-tree-sha1 = \"{two}\", download = {download}, lazy = true}}\n\
         c = {{git-tree-sha1 = \"{three}\"}}\n\
         d = [{{git-tree-sha1 = \"{one}\", arch = \"i686\", os = \"linux\"}}]\n\
         e = {{git-tree-sha1 = \"short\"}}\n",
        one = hash("1"),
        two = hash("2"),
        three = hash("3"),
    );
    fs::write(file(&lab), text).unwrap();
    let bindings = artifact::bindings(&file(&lab)).unwrap().unwrap();
    let names = |include_lazy| {
        let (entries, left_out) =
            artifact::downloadable(&stack(&lab), &file(&lab), &bindings, &host(), include_lazy);
        assert_eq!(left_out.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["e"]);
        entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!((names(false), names(true)), (vec!["a".to_owned()], vec!["a".into(), "b".into()]));
    let error = artifact::binding(&mut stack(&lab), &file(&lab), "e", &host()).unwrap_err();
    assert!(
        error.to_string().contains("Artifacts.toml:5:22: artifact `e`: `git-tree-sha1`: "),
        "{error}"
    );
    let one_host = host();
    let checked =
        |name, host| artifact::check(&file(&lab), name, host).map_err(|it| it.to_string());
    assert_eq!(checked("e", Some(&one_host)), Err(error.to_string()));
    assert_eq!(checked("e", None), Err(error.to_string()));
    assert_eq!((checked("a", None), checked("z", None)), (Ok(()), Ok(())));
}

/// A file with a name that depends on libgfortran, in a package of which the outermost depot
/// overrides that name and another one.
fn overridden(lab: &DepotLab) -> Stack {
    let text = ["4", "5"].map(|version| {
        format!(
            "[[tool]]\narch = \"x86_64\"\nos = \"linux\"\nlibgfortran_version = \"{version}\"\n\
             git-tree-sha1 = \"{}\"\n",
            hash(version)
        )
    });
    fs::write(file(lab), text.concat() + &format!("[a]\ngit-tree-sha1 = \"{}\"\n", hash("1")))
        .unwrap();
    fs::create_dir_all(lab.root().join("three/artifacts")).unwrap();
    fs::create_dir_all(lab.root().join("site")).unwrap();
    let site = in_quotes(lab.root().join("site"));
    let text = format!("[{PACKAGE}]\ntool = \"{site}\"\na = \"{}\"\n", hash("9"));
    fs::write(lab.root().join("three/artifacts/Overrides.toml"), text).unwrap();
    let mut stack = stack(lab);
    assert_eq!(stack.read_overrides().unwrap(), []);
    stack
}

#[test]
fn overrides_by_name_apply_to_the_file_of_their_package() {
    let lab = DepotLab::new();
    let mut stack = overridden(&lab);
    let site = Some(lab.root().join("site").display().to_string());
    let replaced = |stack: &Stack, digit| stack.overridden(hash(digit)).unwrap();
    stack.load(&file(&lab)).unwrap().unwrap();
    assert_eq!(replaced(&stack, "4"), None, "the file is not in a package");
    let project = format!("name = \"Other\"\nuuid = \"{}\"\n", uuid::Uuid::nil());
    fs::write(lab.root().join("Project.toml"), project).unwrap();
    stack.load(&file(&lab)).unwrap().unwrap();
    assert_eq!(replaced(&stack, "4"), None, "the file is in another package");
    let project = format!("name = \"Tool_jll\"\nuuid = \"{PACKAGE}\"\n");
    fs::write(lab.root().join("JuliaProject.toml"), project).unwrap();
    stack.load(&file(&lab)).unwrap().unwrap();
    assert_eq!((replaced(&stack, "4"), replaced(&stack, "5")), (site.clone(), site));
    let other = lab.path(&format!("artifacts/{}", hash("9"))).display().to_string();
    assert_eq!(replaced(&stack, "1"), Some(other));
    assert_eq!(replaced(&stack, "2"), None);
}

#[test]
fn candidates_with_the_same_override_need_not_be_decided() {
    let lab = DepotLab::new();
    let mut stack = overridden(&lab);
    let unknown = Host::without_julia(linux());
    let mut tool = || artifact::binding(&mut stack, &file(&lab), "tool", &unknown);
    let error = tool().unwrap_err();
    assert!(matches!(&error, Error::Undecided { tags, .. } if *tags == ["libgfortran_version"]));
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    let project = format!("name = \"Tool_jll\"\nuuid = \"{PACKAGE}\"\n");
    fs::write(lab.root().join("Project.toml"), project).unwrap();
    assert!(tool().unwrap().is_some(), "whatever it is, it is in the same place");
}

#[test]
fn the_logs_have_the_files_that_bind_an_artifact() {
    let lab = DepotLab::new();
    bind(&lab, "iris", "1", BindOptions::default()).unwrap();
    bind(&lab, "same", "1", BindOptions::default()).unwrap();
    bind(&lab, "other", "2", BindOptions::default()).unwrap();
    let outer = "[[\"/gone/Artifacts.toml\"]]\ntime = 2024-01-02T03:04:05.006Z\n[[\"torn";
    fs::create_dir_all(lab.root().join("two/logs")).unwrap();
    fs::write(lab.root().join("two/logs/artifact_usage.toml"), outer).unwrap();
    let known = artifact::known_files(&stack(&lab), [""; 0]).unwrap();
    assert_eq!(known.missing, ["/gone/Artifacts.toml"]);
    assert_eq!(known.diagnostics.len(), 1);
    let uses = artifact::usage(&known, hash("1"));
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].path.as_str(), uses[0].last_used), (file(&lab).as_str(), Some(now())));
    assert_eq!(uses[0].names, ["iris", "same"]);
    assert_eq!(artifact::usage(&known, hash("3")), []);
}
