using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests.Harness;

/// <summary>What programs under test are compiled against: the framework that the tests run on, and Kernels.</summary>
internal static class References
{
    private static readonly IReadOnlyList<PortableExecutableReference> Framework = Trusted(
        name => name.StartsWith("System.", StringComparison.Ordinal) || name is "mscorlib" or "netstandard" or "System");

    private static readonly IReadOnlyList<PortableExecutableReference> Contract = Trusted(name => name is "Kernels");

    private static readonly IReadOnlyList<PortableExecutableReference> Runtime = Trusted(name => name is "Kernels.OpenCL");

    /// <param name="contract">Whether Kernels is among them.</param>
    /// <param name="runtime">Whether Kernels.OpenCL is among them.</param>
    public static IEnumerable<MetadataReference> For(bool contract, bool runtime) =>
        [.. Framework, .. contract ? Contract : [], .. runtime ? Runtime : []];

    private static IReadOnlyList<PortableExecutableReference> Trusted(Func<string, bool> isWanted)
    {
        string[] paths = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        PortableExecutableReference[] found =
            [.. paths.Where(path => isWanted(Path.GetFileNameWithoutExtension(path)))
                .Select(path => MetadataReference.CreateFromFile(path))];
        Assert.NotEmpty(found);
        return found;
    }
}
