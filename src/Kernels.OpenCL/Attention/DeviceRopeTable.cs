using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// The angles of a spec with rope on the device: a <see cref="RopeTable"/>'s values, with the numbers that say what they are of.
/// </summary>
public sealed class DeviceRopeTable : IDisposable
{
    /// <summary>Describes a table that is on the device already; the buffer is taken over.</summary>
    /// <param name="values">Cosines and sines, float32 [positions, rotary dimension / 2, 2].</param>
    /// <param name="positions">Positions, from 0.</param>
    /// <param name="rotaryDim">Elements of a head that turn; even.</param>
    /// <exception cref="ArgumentException">The buffer has another length, or the rotary dimension is odd.</exception>
    public DeviceRopeTable(DeviceBuffer<float> values, int positions, int rotaryDim)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(positions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rotaryDim);
        if (rotaryDim % 2 != 0)
        {
            throw new ArgumentException($"Elements turn in pairs; expected an even rotary dimension, got {rotaryDim}.", nameof(rotaryDim));
        }

        if (values.Length != (long)positions * rotaryDim)
        {
            throw new ArgumentException(
                $"Expected {(long)positions * rotaryDim} elements ({positions} positions × rotary dimension {rotaryDim}), "
                + $"got a buffer of {values.Length}.",
                nameof(values));
        }

        Values = values;
        Positions = positions;
        RotaryDim = rotaryDim;
    }

    /// <summary>Uploads a table.</summary>
    /// <param name="device">The device.</param>
    /// <param name="table">The table.</param>
    /// <exception cref="DeviceOutOfMemoryException">The device has no room for it.</exception>
    public DeviceRopeTable(ComputeDevice device, RopeTable table)
        : this(Upload(device, table), table.Positions, table.RotaryDim)
    {
    }

    /// <summary>Cosines and sines, float32 [positions, rotary dimension / 2, 2].</summary>
    public DeviceBuffer<float> Values { get; }

    /// <summary>Positions that it has, from 0.</summary>
    public int Positions { get; }

    /// <summary>Elements of a head that turn.</summary>
    public int RotaryDim { get; }

    /// <summary>Frees the device memory.</summary>
    public void Dispose() => Values.Dispose();

    private static DeviceBuffer<float> Upload(ComputeDevice device, RopeTable table)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(table);
        return device.Upload<float>(table.Values);
    }

    /// <summary>A table as the input of a launch.</summary>
    internal sealed class Input() : LaunchInput<DeviceRopeTable>(new RopeOption(), "a DeviceRopeTable")
    {
        public override AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros) =>
            inputs with { Rope = new DeviceRopeTable(zeros.Create<float>((long)keys * shape.RotaryDim), keys, shape.RotaryDim) };

        protected override DeviceRopeTable? Of(in AttentionInputs inputs) => inputs.Rope;

        protected override void Check(DeviceRopeTable input, AttentionShape shape, WorkPlan work)
        {
            if (input.RotaryDim != shape.RotaryDim)
            {
                throw new ArgumentException(
                    $"Expected a table of rotary dimension {shape.RotaryDim}, got one of {input.RotaryDim}.", Option.Name);
            }

            ExpectAxis(Option.Name, "positions", input.Positions, work.LongestKeys);
        }

        protected override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, DeviceRopeTable input) =>
            kernel.Set(index, input.Values);
    }
}
