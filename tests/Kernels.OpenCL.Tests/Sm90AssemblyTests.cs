using System.Text;

namespace Kernels.OpenCL.Tests;

/// <summary>The text between the two stages of a build; the stages themselves need a GPU of compute capability 9.0.</summary>
public sealed class Sm90AssemblyTests
{
    [Fact]
    public void MarkedInstructionsAreForTheOtherTarget()
    {
        const string first = """
            .version 9.0
            .target sm_90, texmode_independent
            .entry flash_prefill()
            .reqntid 384, 1, 1
            {
            	{ //@sm90a 
            //@sm90a .reg .pred p; setp.ne.b32 p, %r1, 0;
            //@sm90a wgmma.wait_group.sync.aligned 0;
            	}
            	// a comment that stays
            	ret;
            }
            """;
        string second = Encoding.UTF8.GetString(Sm90Assembly.Assemble(Encoding.UTF8.GetBytes(first + "\0"), groups: 1));
        Assert.DoesNotContain("//@sm90a", second, StringComparison.Ordinal);
        Assert.Contains("\nwgmma.wait_group.sync.aligned 0;", second, StringComparison.Ordinal);
        Assert.Contains(".target sm_90a, texmode_independent", second, StringComparison.Ordinal);
        Assert.Contains(".reqntid 384, 1, 1\n.minnctapersm 1\n", second, StringComparison.Ordinal);
        Assert.Contains("// a comment that stays", second, StringComparison.Ordinal);
        Assert.Equal('\0', second[^1]);
        Assert.Equal(1, second.Count(c => c == '\0'));
    }

    [Theory]
    [InlineData("// Built with .minnctapersm 2: registers of two work-groups\nkernel", 2)]
    [InlineData(".minnctapersm 3", 3)]
    [InlineData("kernel void f() {}", null)]
    public void TheWorkGroupsOfAMultiprocessorAreTakenFromTheSource(string source, int? groups) =>
        Assert.Equal(groups, Sm90Assembly.GroupsPerMultiprocessor(Encoding.UTF8.GetBytes(source)));

    [Fact]
    public void WorkGroupsOfAMultiprocessorAreADirective() => Assert.Contains(
        ".reqntid 160, 1, 1\n.minnctapersm 2\n",
        Encoding.UTF8.GetString(Sm90Assembly.Assemble(".target sm_90\n.reqntid 160, 1, 1\n{"u8, groups: 2)),
        StringComparison.Ordinal);

    [Fact]
    public void TextForTheTargetStaysAsItIs()
    {
        string second = Encoding.UTF8.GetString(Sm90Assembly.Assemble(".target sm_90a\n"u8, groups: 1));
        Assert.Equal(".target sm_90a\n\0", second);
    }
}
