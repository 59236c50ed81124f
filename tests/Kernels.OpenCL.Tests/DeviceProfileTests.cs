using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Kernels.OpenCL.Tests;

public sealed class DeviceProfileTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    /// <summary>
    /// No timed bar: a device of this century, however busy, lies between these, and a compiler that left the work out does not.
    /// </summary>
    [SkippableFact]
    public void NumbersAreThoseOfADevice()
    {
        long before = fixture.Device.AllocatedBytes;
        DeviceProfile profile = DeviceProfile.Measure(fixture.Device);
        Assert.Equal(fixture.Device.Capabilities.Name, profile.Device);
        Assert.InRange(profile.ReadBytesPerSecond, 1e8, 5e13);
        Assert.InRange(profile.Float32FlopsPerSecond, 1e8, 1e15);
        Assert.Equal(fixture.Device.Capabilities.NvidiaComputeCapability >= 80, profile.TensorFlopsPerSecond is not null);
        Assert.Equal(profile.TensorFlopsPerSecond is not null, profile.TensorInstruction is "wgmma" or "mma.sync");
        Assert.Equal(
            fixture.Device.Capabilities.NvidiaComputeCapability == 90 && profile.TensorInstruction != "wgmma",
            profile.TensorRefusal is not null);
        if (profile.TensorFlopsPerSecond is double tensor)
        {
            Assert.InRange(tensor, profile.Float32FlopsPerSecond, 1e17);
        }

        Assert.InRange(profile.Ridge, 0.01, 1e4);
        Assert.InRange(profile.Overlap, 0, 1);
        Assert.Equal(before, fixture.Device.AllocatedBytes);
    }

    /// <summary>
    /// A product of 64 × 256 has 128 registers of a work-item, in order, then the two matrices: a slip in a list that long assembles all
    /// the same.
    /// </summary>
    [Fact]
    public void AProductOfAWarpGroupNamesEachRegisterOnce()
    {
        string source = Encoding.UTF8.GetString(ProfileKernels.WarpGroupProducts);
        string product = source[source.IndexOf("wgmma.mma_async", StringComparison.Ordinal)..];
        product = product[..product.IndexOf(';')];
        Assert.Equal(
            Enumerable.Range(0, 130), Regex.Matches(product, "%([0-9]+)")
                .Select(name => int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture)));
        Assert.DoesNotMatch("(?<!//@sm90a )wgmma\\.", source); // the first stage assembles none of them
    }

    [Theory]
    [InlineData(3, 2, 3, 1)]
    [InlineData(3, 2, 5, 0)]
    [InlineData(2, 3, 4, 0.5)]
    [InlineData(3, 2, 2.9, 1)]
    [InlineData(3, 2, 6, 0)]
    public void OverlapIsThePartOfTheShorterThatIsNotSeen(double reading, double arithmetic, double together, double overlap) =>
        Assert.Equal(overlap, ProfileMeasurement.Overlap(reading, arithmetic, together));
}
