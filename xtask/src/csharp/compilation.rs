//! The input of a C# compiler.

use std::path::{Path, PathBuf};

use super::toolchain::{self, Toolchain};
use crate::workspace;

/// Target framework, as a project file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Net8,
    NetStandard2,
}

impl Framework {
    pub(crate) const ALL: [Framework; 2] = [Framework::Net8, Framework::NetStandard2];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Framework::Net8 => "net8.0",
            Framework::NetStandard2 => "netstandard2.0",
        }
    }

    /// The symbols that an SDK defines, as far as sources may use them.
    fn symbols(self) -> &'static str {
        match self {
            Framework::Net8 => {
                "NET;NET8_0;NETCOREAPP;NET5_0_OR_GREATER;NET6_0_OR_GREATER;NET7_0_OR_GREATER;NET8_0_OR_GREATER"
            }
            Framework::NetStandard2 => "NETSTANDARD;NETSTANDARD2_0;NETSTANDARD2_0_OR_GREATER",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With a documentation file, without which the compiler does not check that everything is
    /// documented.
    Library,
    /// With the class of its entry point, where the sources have several.
    Program(Option<&'static str>),
}

/// One assembly.
pub(crate) struct Compilation {
    pub(crate) framework: Framework,
    pub(crate) kind: Kind,
    /// Where it is put; its name without ending is the assembly's.
    pub(crate) output: PathBuf,
    pub(crate) sources: Vec<PathBuf>,
    /// Symbols besides those of the framework.
    pub(crate) symbols: &'static str,
    /// Libraries besides those of the framework.
    pub(crate) references: Vec<PathBuf>,
}

impl Compilation {
    /// Writes the response file and, for a program, the file with the host's settings.
    pub(crate) fn write(&self, toolchain: &Toolchain) -> Result<PathBuf, String> {
        if let Kind::Program(_) = self.kind {
            toolchain::write_runtime_config(&self.output)?;
        }
        let file = self.output.with_extension("rsp");
        workspace::write(&file, &self.arguments(toolchain)?.join("\n"))?;
        Ok(file)
    }

    /// The same settings as in the project files.
    fn arguments(&self, toolchain: &Toolchain) -> Result<Vec<String>, String> {
        let mut arguments: Vec<String> = [
            "-nologo",
            "-nostdlib",
            "-unsafe",
            "-optimize+",
            "-deterministic",
        ]
        .into_iter()
        .chain([
            "-langversion:12",
            "-nullable:enable",
            "-warnaserror+",
            "-nowarn:1701;1702",
            "-debug:portable",
        ])
        .map(str::to_owned)
        .collect();
        match self.kind {
            Kind::Library => arguments.extend([
                "-target:library".to_owned(),
                format!("-doc:{}", quoted(&self.output.with_extension("xml"))),
            ]),
            Kind::Program(entry) => {
                arguments.push("-target:exe".to_owned());
                arguments.extend(entry.map(|class| format!("-main:{class}")));
            }
        }
        arguments.push(format!(
            "-define:{};{}",
            self.framework.symbols(),
            self.symbols
        ));
        arguments.push(format!("-out:{}", quoted(&self.output)));
        let framework = match self.framework {
            Framework::Net8 => toolchain.net8()?,
            Framework::NetStandard2 => vec![toolchain.netstandard2_0()],
        };
        for reference in framework.iter().chain(&self.references) {
            arguments.push(format!("-reference:{}", quoted(reference)));
        }
        arguments.extend(self.sources.iter().map(|source| quoted(source)));
        Ok(arguments)
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
