using System.Runtime.CompilerServices;

namespace Kernels.Generators.Tests.Harness;

/// <summary>Files of the repository that tests read.</summary>
internal static class RepositoryFolder
{
    /// <summary>The generator's project.</summary>
    public static string Generator => Path.GetFullPath(Path.Combine(Here(), "../../../generators/Kernels.Generators"));

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
