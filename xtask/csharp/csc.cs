// A C# compiler for the command line, on top of the compiler's library (Microsoft.CodeAnalysis).
//
// csc [ARGUMENT...] @FILE...: each response file is one compilation, the other arguments are common to all of them.
// Several in one process, because most of the time of a small compilation goes into starting up.
//
// Written in C# 8: an older compiler compiles it. The library it runs on knows C# 12.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

static class Compiler
{
    static int Main(string[] all)
    {
        var files = all.Where(argument => argument.StartsWith("@")).ToList();
        var common = all.Except(files).ToArray();
        return files.Count > 0 && files.All(file => Compile(common.Append(file))) ? 0 : 1;
    }

    static bool Compile(IEnumerable<string> all)
    {
        var arguments = CSharpCommandLineParser.Default.Parse(
            all, Directory.GetCurrentDirectory(), sdkDirectory: null, additionalReferenceDirectories: null);
        if (Report(arguments.Errors))
            return false;
        var compilation = CSharpCompilation.Create(
            arguments.CompilationName ?? Path.GetFileNameWithoutExtension(arguments.OutputFileName),
            arguments.SourceFiles.Select(source => Parse(source.Path, arguments)),
            arguments.MetadataReferences.Select(reference =>
                (MetadataReference)MetadataReference.CreateFromFile(reference.Reference, reference.Properties)),
            arguments.CompilationOptions.WithModuleName(arguments.OutputFileName)
                // Without it one and the same library in two versions is two libraries.
                .WithAssemblyIdentityComparer(DesktopAssemblyIdentityComparer.Default));
        return Emit(compilation, arguments);
    }

    static SyntaxTree Parse(string path, CSharpCommandLineArguments arguments)
    {
        using (var stream = File.OpenRead(path))
            return CSharpSyntaxTree.ParseText(
                SourceText.From(stream, Encoding.UTF8, arguments.ChecksumAlgorithm), arguments.ParseOptions, path);
    }

    static bool Emit(CSharpCompilation compilation, CSharpCommandLineArguments arguments)
    {
        var output = Path.Combine(arguments.OutputDirectory, arguments.OutputFileName);
        using (var program = new MemoryStream())
        using (var symbols = new MemoryStream())
        using (var documentation = new MemoryStream())
        {
            var result = compilation.Emit(
                program,
                arguments.EmitPdb ? symbols : null,
                arguments.DocumentationPath != null ? documentation : null,
                options: arguments.EmitOptions);
            if (Report(result.Diagnostics) || !result.Success)
                return false;
            Write(output, program);
            if (arguments.EmitPdb)
                Write(arguments.PdbPath ?? Path.ChangeExtension(output, ".pdb"), symbols);
            if (arguments.DocumentationPath != null)
                Write(arguments.DocumentationPath, documentation);
        }
        return true;
    }

    /// <summary>By a new file in the old one's place: a program that runs has the old one in its memory.</summary>
    static void Write(string path, MemoryStream content)
    {
        File.WriteAllBytes(path + ".new", content.ToArray());
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Prints warnings and errors; true if there is an error.</summary>
    static bool Report(IEnumerable<Diagnostic> diagnostics)
    {
        var shown = diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning && !d.IsSuppressed).ToList();
        shown.ForEach(diagnostic => Console.Error.WriteLine(diagnostic));
        return shown.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }
}
