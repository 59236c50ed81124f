using System.Runtime.CompilerServices;

namespace Kernels.Generators.Tests.Harness;

/// <summary>Files of the repository that tests read.</summary>
internal static class RepositoryFolder
{
    /// <summary>All of it.</summary>
    public static string Root => Path.GetFullPath(Path.Combine(Here(), "../../.."));

    /// <summary>The generator's project.</summary>
    public static string Generator => Path.Combine(Root, "generators/Kernels.Generators");

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
