using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>
/// Which tile a linear layer by tensor cores has, and how many work-groups share its columns; the kernels themselves need such a GPU.
/// </summary>
public sealed class TensorCoreTileTests
{
    private const int Units = 132;

    [Theory]
    [InlineData(14336, 4096, 9, 16, 1)] // 112 tiles of rows nearly fill the device
    [InlineData(14336, 4096, 32, 32, 1)]
    [InlineData(4096, 14336, 16, 16, 4)] // 32 tiles
    [InlineData(4096, 14336, 64, 64, 4)]
    [InlineData(4096, 14336, 65, 128, 4)]
    [InlineData(4096, 14336, 512, 128, 1)] // 128 tiles in one wave, against 64 that take as long as 1.8
    [InlineData(14336, 4096, 512, 256, 1)] // two waves of wide ones, against four
    [InlineData(14336, 4096, 4096, 256, 1)]
    [InlineData(128, 64, 16, 16, 1)] // one block of columns cannot be shared out
    [InlineData(128, 1024, 16, 16, 2)] // eight each
    [InlineData(1, 1 << 20, 9, 16, 8)] // no more than eight
    public void FillsTheDevice(int rows, int columns, int tokens, int tile, int splits) =>
        Assert.Equal((tile, splits), TensorCoreLinear.Tile(rows, columns, tokens, Units));

    [Theory]
    [InlineData(ElementType.BFloat16, 4096, true)]
    [InlineData(ElementType.Float16, 72, true)]
    [InlineData(ElementType.Float16, 76, false)] // pieces of 16 bytes
    [InlineData(ElementType.Float32, 4096, false)]
    public void TakesWeightsOf16Bits(ElementType type, int columns, bool takes) =>
        Assert.Equal(takes, TensorCoreLinear.Takes(type, columns));

    /// <summary>Blocks have room for whole sides, panels for whole panels.</summary>
    [Fact]
    public void BlocksArePadded()
    {
        Assert.Equal((128, 128), (WeightLayout.Blocks.PaddedRows(65), WeightLayout.Blocks.PaddedColumns(72)));
        Assert.Equal((80, 72), (WeightLayout.Vectors.PaddedRows(65), WeightLayout.Vectors.PaddedColumns(72)));
        Assert.Equal(128 * 128, WeightMatrix.Elements(65, 72, WeightLayout.Blocks));
        Assert.NotEqual(WeightLayout.Blocks, new WeightLayout(64));
    }

    /// <summary>Weights in groups: whole units of 64 columns hold whole groups, or groups hold whole units.</summary>
    [Theory]
    [InlineData(128, 4096, true)]
    [InlineData(32, 72, true)]
    [InlineData(16, 72, true)]
    [InlineData(32, 76, false)] // pieces of 8 numbers
    [InlineData(48, 4096, false)]
    [InlineData(96, 88, true)] // one group a row
    [InlineData(96, 104, false)]
    public void TakesWeightsInGroups(int group, int columns, bool takes) =>
        Assert.Equal(takes, TensorCoreGroups.Takes(WeightFormat.Fp8(group), columns));

    /// <summary>Strips have room for whole units, and for the scales of all groups that these hold.</summary>
    [Fact]
    public void StripsArePadded()
    {
        Assert.Equal((80, 128), (WeightLayout.Strips.PaddedRows(65), WeightLayout.Strips.PaddedColumns(72)));
        Assert.Equal((80 * 128 / 2) + (80 * 4), WeightFormat.Mxfp4.MatrixBytes(65, 72, WeightLayout.Strips));
        Assert.Equal((80 * 128) + (80 * 4), WeightFormat.Fp8(128).MatrixBytes(65, 72, WeightLayout.Strips));
        Assert.Equal((65 * 72 / 2) + 12 + (65 * 3) + 13, WeightFormat.Mxfp4.MatrixBytes(65, 72, WeightLayout.RowMajor));
        Assert.NotEqual(WeightLayout.Strips, WeightLayout.Vectors);
    }

    [Theory]
    [InlineData(8, 128, true, 1)] // a token
    [InlineData(17, 128, true, 8)]
    [InlineData(256, 8, true, 8)] // few enough for two parts
    [InlineData(257, 8, true, 64)]
    [InlineData(1536, 128, true, 8)] // twelve an expert
    [InlineData(1537, 128, true, 64)]
    [InlineData(8192, 128, true, 128)] // 64 an expert
    [InlineData(8192, 128, false, 8)] // without wgmma
    public void TilesOfExpertsGrowWithTheirSlots(int slots, int experts, bool hasGroups, int tile) =>
        Assert.Equal(tile, TensorCoreLinear.ExpertTile(slots, experts, hasGroups, fewSlots: 12, most: 128));
}
