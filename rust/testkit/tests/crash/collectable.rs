//! A depot with work of every kind for a collection.

use std::fs;

use scratchrs_testkit::DepotLab;

const UUID: &str = "7876af07-990d-54b4-ab0e-23690620f79a";
const OTHER: &str = "11111111-2222-3333-4444-555555555555";
const TREE: &str = "46e44e869b4d90b96bd8ed1fdcf32244fddfb6cc";
const KEPT: &str = "1111111111111111111111111111111111111111";
const GONE: &str = "2222222222222222222222222222222222222222";

/// A referenced artifact and space, and one unreachable item of each kind. The logs can be
/// condensed.
pub(crate) fn depot(lab: &DepotLab) {
    let project = lab.path("project");
    let time = "time = 2024-01-02T03:04:05.006Z\n";
    lab.write("project/Project.toml", "");
    lab.write("project/Artifacts.toml", &format!("[a]\ngit-tree-sha1 = \"{KEPT}\"\n"));
    let file = format!("[[\"{}/Artifacts.toml\"]]\n{time}", project.display());
    lab.write("logs/artifact_usage.toml", &(file.clone() + &file));
    let parents = format!("parent_projects = [\"{}/Project.toml\"]\n", project.display());
    let space = lab.path(&format!("scratchspaces/{UUID}/kept"));
    lab.write("logs/scratch_usage.toml", &format!("[[\"{}\"]]\n{parents}{time}", space.display()));
    // The only version of a package, and the lock of a killed process.
    lab.write(&format!("scratchspaces/{OTHER}/gone/file"), "content");
    let lock = format!("scratchspaces/{OTHER}/gone@generating.pid");
    lab.write(&lock, "");
    let lock = fs::File::options().write(true).open(lab.path(&lock)).unwrap();
    lock.set_modified(std::time::UNIX_EPOCH).unwrap();
    for artifact in [KEPT, GONE] {
        lab.write(&format!("artifacts/{artifact}/below/file"), "content");
        lab.write(&format!("artifacts/{artifact}@tree"), "");
        let record =
            fs::File::options().write(true).open(lab.path(&format!("artifacts/{artifact}@tree")));
        record.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    for key in ["kept", "gone"] {
        lab.write(&format!("scratchspaces/{UUID}/{key}/below/file"), "content");
        lab.write(&format!("scratchspaces/{UUID}/{key}@generated.toml"), "");
    }
    lab.write(&format!("packages/Example/{}/src/file", &TREE[..5]), "content");
    lab.write("clones/123/config", "content");
}

/// Each item is complete or missing, and referenced ones exist.
pub(crate) fn items(lab: &DepotLab) -> Vec<String> {
    let whole = |path: &str| match fs::symlink_metadata(lab.path(path)) {
        Ok(_) => format!("there\n{}", lab.tree_below(lab.path(path))),
        Err(_) => "none".to_owned(),
    };
    let paths = [
        format!("artifacts/{KEPT}"),
        format!("artifacts/{GONE}"),
        format!("scratchspaces/{UUID}/kept"),
        format!("scratchspaces/{UUID}/gone"),
        format!("scratchspaces/{OTHER}/gone"),
        format!("packages/Example/{}", &TREE[..5]),
        "clones/123".to_owned(),
        "project".to_owned(),
    ];
    paths.iter().map(|path| whole(path)).collect()
}
