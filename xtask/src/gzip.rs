//! The library's gzip output, read by the gzip readers of other languages.

use std::path::Path;
use std::process::Command;

use crate::tally::Tally;
use crate::{isal, process, workspace};

/// The tests that write samples: every size but 0, and 0.
const WRITERS: [(&[&str], &str); 2] = [
    (
        &["--test", "integration"],
        "gzip::one_member_at_every_level_and_size",
    ),
    (&["--lib"], "pipeline::gzip::tests::no_data_is_a_member_too"),
];

/// Runs the tests that write the samples, then each reader, which compares all of them.
pub(crate) fn leg() -> Result<Tally, String> {
    let samples = workspace::scratch("gzip")?;
    workspace::remove_directory(&samples)?;
    workspace::create_directory(&samples)?;
    for (target, test) in WRITERS {
        let mut write = process::cargo(["test", "--quiet", "--workspace"]);
        write.args(target).args(isal::features());
        write.args(["--", "--exact", test]);
        process::capture(write.env("KUSTO_TEST_GZIP", &samples))?;
    }
    let files = workspace::files(&samples, "gz");
    if !samples.join("empty.gz").is_file() || files.len() < 2 {
        return Err("the tests did not write all samples".into());
    }
    let scripts = workspace::root().join("tests/gzip");
    let script = |program: &str, arguments: &[&str], file: &str| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(scripts.join(file))
            .arg(&samples);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        all_read(&mut command, files.len())
    };
    let mut tally = Tally::check("zcat", zcat(&files));
    tally += Tally::check("Python", script("python3", &[], "read.py"));
    tally += Tally::check("Node", script("node", &[], "read.js"));
    tally += Tally::check("Go", script("go", &["run"], "read.go"));
    Ok(tally)
}

fn all_read(command: &mut Command, files: usize) -> Result<(), String> {
    let said = process::capture(command)?;
    if said.trim() == format!("{files} files") {
        Ok(())
    } else {
        Err(format!("it read {}, not {files} files", said.trim()))
    }
}

fn zcat(files: &[impl AsRef<Path>]) -> Result<(), String> {
    for file in files {
        let packed = file.as_ref();
        let output = Command::new("zcat")
            .arg(packed)
            .output()
            .map_err(|error| format!("cannot start zcat: {error}"))?;
        let expected = std::fs::read(packed.with_extension(""));
        if !output.status.success() || !expected.is_ok_and(|data| data == output.stdout) {
            return Err(format!("{} does not read back", packed.display()));
        }
    }
    Ok(())
}
