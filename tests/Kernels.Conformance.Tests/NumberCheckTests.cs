using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>What a device that checks numbers says of NaN and infinities in what attention takes and gives.</summary>
[Collection(DeviceCollection.Name)]
public sealed class NumberCheckTests(DeviceFixture fixture)
{
    public static TheoryData<ElementType, AttentionTensor> TypesAndTensors
    {
        get
        {
            var rows = new TheoryData<ElementType, AttentionTensor>();
            foreach ((ElementType type, AttentionTensor tensor) in NumberCheckRun.TypesAndTensors)
            {
                rows.Add(type, tensor);
            }

            return rows;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(TypesAndTensors))]
    public void NamesTheTensorAndThePlace(ElementType type, AttentionTensor tensor)
    {
        using ComputeDevice device = Open(checkNumbers: true);
        Assert.Null(NumberCheckRun.Of(type).Fault(device, tensor));
    }

    /// <summary>The same on another driver, in a process of its own, because the driver reads its environment once.</summary>
    [SkippableFact]
    public void NamesThemOnRusticlToo()
    {
        var environment = new Dictionary<string, string>
        {
            ["RUSTICL_ENABLE"] = "llvmpipe",
            ["KERNELS_DEVICE"] = "llvmpipe",
            ["KERNELS_CHECK"] = "numbers",
        };
        ToolResult result = Tool.Run(Tool.DotNet, ["exec", typeof(Child).Assembly.Location, "numbers"], environment);
        Skip.If(result.IsWithoutDevice, "Mesa's rusticl with llvmpipe is not installed (Debian: mesa-opencl-icd).");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(
            NumberCheckRun.TypesAndTensors.Count(), result.Output.Split('\n')
                .Count(line => line.EndsWith(": as expected", StringComparison.Ordinal)));
    }

    /// <summary>What a device that does not check makes of them: what arithmetic makes of them, without a word.</summary>
    [SkippableTheory]
    [MemberData(nameof(TypesAndTensors))]
    public void SaysNothingUnasked(ElementType type, AttentionTensor tensor)
    {
        using ComputeDevice device = Open(checkNumbers: false);
        Assert.Equal("nothing was thrown", NumberCheckRun.Of(type).Fault(device, tensor));
    }

    [Fact]
    public void TheEnvironmentAsksForIt()
    {
        Assert.False(NumberCheck.Parse(null));
        Assert.False(NumberCheck.Parse(""));
        Assert.False(NumberCheck.Parse("off"));
        Assert.True(NumberCheck.Parse(" Numbers "));
        Assert.Contains(
            "KERNELS_CHECK", Assert.Throws<ArgumentException>(() => NumberCheck.Parse("all")).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Cases of several sorts of cache and option are as right with it as without: nothing finite is complained of, nor a bias of −∞.
    /// </summary>
    [SkippableFact]
    public void LetsFiniteNumbersPass()
    {
        using ComputeDevice device = Open(checkNumbers: true);
        AttentionCase[] cases =
        [
            .. CaseMatrix.HugeLogits(1).Where(test => test.Shape.HeadDim == 64),
            .. CaseMatrix.Inputs(1).Where((_, i) => i % 7 == 0),
            .. CaseMatrix.Quantised(1).Where((test, i) => i % 9 == 0 && test.Work < 1e8),
        ];
        Assert.NotEmpty(cases);
        var runner = new CaseRunner(device);
        Assert.All(cases, test => Assert.Null(runner.Run(test).Failure));
    }

    private ComputeDevice Open(bool checkNumbers) =>
        ComputeDevice.Open(fixture.Device.Info, new() { Tuning = TuningMode.Off, CheckNumbers = checkNumbers });
}
