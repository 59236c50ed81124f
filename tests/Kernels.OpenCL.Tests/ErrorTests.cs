using Kernels.OpenCL.Native;
using Silk.NET.OpenCL;

namespace Kernels.OpenCL.Tests;

public sealed class ErrorTests
{
    /// <summary>Names of OpenCL's headers, without the extensions': those of Silk.NET, spelled as C spells them.</summary>
    public static TheoryData<int, string> Codes()
    {
        TheoryData<int, string> codes = [];
        foreach (ErrorCodes code in Enum.GetValues<ErrorCodes>().Where(code => (int)code is <= 0 and >= -70).Distinct())
        {
            codes.Add((int)code, code.ToString());
        }

        return codes;
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void CodesHaveTheirNames(int code, string name)
    {
        string actual = new ComputeException("message", code).CodeName;
        Assert.StartsWith("CL_", actual);
        Assert.Equal(name.ToUpperInvariant(), actual[3..].Replace("_", string.Empty));
    }

    [Fact]
    public void AnUnknownCodeIsItsNumber() => Assert.Equal("OpenCL error -4242", new ComputeException("message", -4242).CodeName);

    [Theory]
    [InlineData(-2, typeof(DeviceLostException))]
    [InlineData(-36, typeof(DeviceLostException))]
    [InlineData(-9999, typeof(DeviceLostException))]
    [InlineData(-4, typeof(DeviceOutOfMemoryException))]
    [InlineData(-6, typeof(DeviceOutOfMemoryException))]
    [InlineData(-5, typeof(ComputeException))]
    [InlineData(-30, typeof(ComputeException))]
    public void ACodeBecomesTheExceptionOfItsKind(int code, Type expected)
    {
        DeviceInfo device = DeviceSelectorTests.Fake(0, 3, "Device", "Platform", DeviceKind.Gpu);
        ComputeException e = ComputeErrors.Create(code, "testing errors", device);
        Assert.IsType(expected, e);
        Assert.Equal(code, e.Code);
        Assert.Contains("testing errors", e.Message);
        Assert.Contains(ClStatus.NameOf(code), e.Message);
        Assert.Contains("#3 Device (GPU, Platform)", e.Message);
    }
}
