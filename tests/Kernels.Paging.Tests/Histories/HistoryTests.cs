using System.Globalization;
using CsCheck;
using Kernels.OpenCL;

namespace Kernels.Paging.Tests.Histories;

/// <summary>
/// Random histories of a pool against a plain model. The same histories on every run; KERNELS_PROPERTY_ITERATIONS=100000 runs that many
/// others, and shrinks one that fails.
/// </summary>
public sealed class HistoryTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private const int Iterations = 2000;
    private const int DeviceIterations = 50;

    [Fact]
    public void APoolHoldsWhatItsHistorySays() => Sample(
        Iterations, history => PoolModel.Run(history, new SimulatedMemory(history.Pages, history.PageSize)));

    [SkippableFact]
    public void SoDoThePagesOfADevice() => Sample(DeviceIterations, RunOn(fixture.Device));

    private static Action<History> RunOn(ComputeDevice device) => history =>
    {
        using DeviceMemory memory = new(device, history.Pages, history.PageSize);
        PoolModel.Run(history, memory);
    };

    private static void Sample(int iterations, Action<History> run)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("KERNELS_PROPERTY_ITERATIONS"), CultureInfo.InvariantCulture, out int more))
        {
            History.Any.Sample(run, iter: more, threads: 1);
            return;
        }

        for (uint stream = 0; stream < iterations; stream++)
        {
            History.Any.Sample(run, seed: new PCG(stream, 20240607).ToString(), iter: 1, threads: 1);
        }
    }
}
