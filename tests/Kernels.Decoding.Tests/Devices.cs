using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>The OpenCL devices of this machine, each opened once for all tests that share the collection.</summary>
public sealed class Devices : IDisposable
{
    private readonly Dictionary<int, ComputeDevice> opened = [];

    /// <summary>
    /// What a test runs must not depend on times. Commands open devices themselves, some as processes of their own: only the environment
    /// reaches them.
    /// </summary>
    public Devices() => Environment.SetEnvironmentVariable("KERNELS_TUNE", "off");

    /// <summary>The number of every device; −1 alone where there is none, so that tests are reported as skipped.</summary>
    public static int[] All { get; } = [.. ComputeDevice.Enumerate().Select(d => d.Index).DefaultIfEmpty(-1)];

    /// <summary>Every device, for a theory.</summary>
    public static TheoryData<int> Numbers => new(All);

    /// <summary>Every device with both forms of the linear layers.</summary>
    public static IEnumerable<object[]> Forms
    {
        get
        {
            var rows = new TheoryData<int, LinearForm>();
            foreach (int number in All)
            {
                rows.Add(number, LinearForm.Vectors);
                rows.Add(number, LinearForm.WorkGroups);
            }

            return rows;
        }
    }

    /// <summary>The device of this number.</summary>
    public ComputeDevice Open(int number)
    {
        Skip.If(number < 0, "This machine has no OpenCL device.");
        if (!opened.TryGetValue(number, out ComputeDevice? device))
        {
            device = ComputeDevice.Open(ComputeDevice.Enumerate().Single(d => d.Index == number), new() { Tuning = TuningMode.Off });
            opened.Add(number, device);
        }

        return device;
    }

    /// <summary>The first device.</summary>
    public ComputeDevice OpenFirst() => Open(All[0]);

    public void Dispose()
    {
        foreach (ComputeDevice device in opened.Values)
        {
            device.Dispose();
        }
    }
}
