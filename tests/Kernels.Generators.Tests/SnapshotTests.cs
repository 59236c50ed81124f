using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>All that is emitted for a spec, as it is read in review.</summary>
public sealed class SnapshotTests
{
    private static readonly string[] Parts = ["Spec", "Kernels", "Bindings"];

    [Theory]
    [MemberData(nameof(Specs.Names), MemberType = typeof(Specs))]
    public void Emitted_files(string name)
    {
        Specs.Spec spec = Specs.All[name];
        GeneratorRun run = new UserProgram(spec.Source).Run().AssertClean();

        Assert.Equal(Parts.Select(part => $"{spec.TypeName}.{part}.g.cs").Order(StringComparer.Ordinal), run.Sources.Keys);
        foreach (string part in Parts)
        {
            SnapshotFile.Match($"{name}.{part}", run.Sources[$"{spec.TypeName}.{part}.g.cs"]);
        }
    }

    [Fact]
    public void No_snapshot_without_a_spec() => Assert.Equal(
        Specs.All.Keys.SelectMany(name => Parts.Select(part => $"{name}.{part}.snap")).Order(StringComparer.Ordinal),
        Directory.GetFiles(SnapshotFile.Folder, "*.snap").Select(Path.GetFileName).Order(StringComparer.Ordinal));
}
