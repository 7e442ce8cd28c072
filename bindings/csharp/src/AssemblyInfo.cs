using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Only this assembly can count the objects that the native library still refers to; tests check that none is left behind.
[assembly: InternalsVisibleTo("Kusto.Ingest.Native.Tests")]

// Windows looks for the native library beside the assembly and in the program's and the system's directories: not in the current one, nor
// along PATH, where others may have put a file of this name.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
