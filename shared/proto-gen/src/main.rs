//! Compiles `proto/` into the sources of the crate `proto`, without protoc.
//!
//! `proto-gen` writes `shared/proto/src/gen`; `proto-gen --check` fails where that folder differs from what it would write.
#![allow(clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let check = std::env::args().any(|arg| arg == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("no workspace root")?.to_owned();
    let committed = root.join("shared/proto/src/gen");
    let scratch = root.join("target/proto-gen");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch)?;

    generate(&root.join("proto"), &scratch)?;

    if check {
        let (want, have) = (read_dir(&scratch)?, read_dir(&committed)?);
        if want != have {
            bail!("shared/proto/src/gen does not match proto/: run `cargo xtask gen` and commit the result");
        }
        println!("generated code matches proto/");
    } else {
        let _ = fs::remove_dir_all(&committed);
        fs::create_dir_all(&committed)?;
        for (name, content) in read_dir(&scratch)? {
            fs::write(committed.join(name), content)?;
        }
        println!("wrote {}", committed.display());
    }
    Ok(())
}

fn generate(protos: &Path, out: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(&protos.join("banyan"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([protos, &protos.join("third_party")])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    // Ordered maps: the encoding of a message is a function of its content, which request hashes rely on.
    config.btree_map(["."]);
    tonic_prost_build::configure()
        .out_dir(out)
        .build_transport(false)
        // Rules are read from the descriptors at run time; their own message types are never used as such.
        .compile_fds_with_config(descriptors, config)?;
    fs::remove_file(out.join("buf.validate.rs"))?;
    fs::rename(out.join("google.r#type.rs"), out.join("google.type.rs"))?;

    // Without source info it is a quarter of the size; raw bytes keep the options that prost would drop.
    compiler.include_source_info(false);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

fn read_dir(dir: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut contents = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().context("no file name")?.to_string_lossy().into_owned();
        contents.insert(name, fs::read(&path)?);
    }
    Ok(contents)
}
