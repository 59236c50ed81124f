using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

/// <summary>The OpenCL devices of this machine, each opened once for all tests that share the collection.</summary>
public sealed class Devices : IDisposable
{
    private readonly Dictionary<int, ComputeDevice> opened = [];

    /// <summary>The number of every device; one row of −1 where there is none, so that its tests are reported as skipped.</summary>
    public static TheoryData<int> Numbers
    {
        get
        {
            IReadOnlyList<DeviceInfo> devices = ComputeDevice.Enumerate();
            return new TheoryData<int>(devices.Count == 0 ? [-1] : devices.Select(d => d.Index));
        }
    }

    /// <summary>Every device with both forms of the linear layers.</summary>
    public static TheoryData<int, LinearForm> Forms
    {
        get
        {
            var rows = new TheoryData<int, LinearForm>();
            foreach (object[] row in Numbers)
            {
                rows.Add((int)row[0], LinearForm.Vectors);
                rows.Add((int)row[0], LinearForm.WorkGroups);
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
            device = ComputeDevice.Open(ComputeDevice.Enumerate().Single(d => d.Index == number));
            opened.Add(number, device);
        }

        return device;
    }

    /// <summary>The first device.</summary>
    public ComputeDevice OpenFirst() => Open((int)Numbers.First()[0]);

    public void Dispose()
    {
        foreach (ComputeDevice device in opened.Values)
        {
            device.Dispose();
        }
    }
}

/// <summary>Tests that run kernels: they take turns on the devices.</summary>
[CollectionDefinition(Name)]
public sealed class DeviceCollection : ICollectionFixture<Devices>
{
    public const string Name = "devices";
}
