using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Kernels.Planning;
using Xunit;

namespace Kernels.Tests;

/// <summary>A work tile is one thing to host and kernels: the record's fields are those that kernels declare, in their order.</summary>
public sealed partial class WorkTileTests
{
    [Fact]
    public void TheRecordHasTheFieldsThatKernelsRead() => Assert.Equal(
        KernelContract.WorkTileFields.Select(field => field.Name),
        typeof(WorkTile).GetConstructors().Single().GetParameters()
            .Select(parameter => Capital().Replace(parameter.Name!, "_$0").TrimStart('_').ToLowerInvariant()));

    [Fact]
    public void ItHasAsManyInts()
    {
        Assert.Equal(KernelContract.WorkTileInts, KernelContract.WorkTileFields.Count);
        Assert.Equal(KernelContract.WorkTileInts * sizeof(int), Unsafe.SizeOf<WorkTile>());
    }

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
