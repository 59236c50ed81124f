namespace Kernels.Conformance.Tests;

/// <summary>Tiles that a user asks for: the smallest and the most uneven ones of the portable target.</summary>
[Collection(DeviceCollection.Name)]
public sealed class TileTests(DeviceFixture fixture)
{
    [SkippableTheory]
    [InlineData(0, 16, 8)] // a tile of keys has fewer float4s than a large work-group has work-items
    [InlineData(32, 8, 12)]
    [InlineData(4, 256, 16)]
    public void Small_tiles(int queryTile, int keyTile, int dim)
    {
        var shape = new AttentionShape(2, 1, dim, dim, 0.3, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        CaseResult result = new CaseRunner(fixture.Device, KernelTarget.Portable, queryTile, keyTile).Run(
            new AttentionCase(shape, [(7, 1), (40, 40)], Seed: 3));
        Assert.True(result.Failure is null, result.Failure);
    }
}
