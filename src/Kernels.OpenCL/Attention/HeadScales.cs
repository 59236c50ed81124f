using System.Runtime.InteropServices;

namespace Kernels.OpenCL;

/// <summary>The scales of a cache that has one for the keys and one for the values of each KV head: two small buffers a layer.</summary>
internal sealed class HeadScales : IDisposable
{
    // float32 lets kernels divide by a scale and find the exact remainder without leaving the normal numbers.
    private const float Smallest = 1e-15f;
    private const float Largest = 1e15f;

    private readonly ComputeQueue queue;
    private readonly DeviceBuffer<byte>[] keys;
    private readonly DeviceBuffer<byte>[] values;
    private readonly int heads;

    /// <summary>Allocates the scales and sets them to 1.</summary>
    public HeadScales(ComputeDevice device, int heads, int layers)
    {
        queue = device.Queue;
        this.heads = heads;
        keys = new DeviceBuffer<byte>[layers];
        values = new DeviceBuffer<byte>[layers];
        float[] ones = new float[heads];
        ones.AsSpan().Fill(1);
        try
        {
            for (int layer = 0; layer < layers; layer++)
            {
                keys[layer] = device.Upload<byte>(MemoryMarshal.AsBytes<float>(ones));
                values[layer] = device.Upload<byte>(MemoryMarshal.AsBytes<float>(ones));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public long ByteLength => 2L * keys.Length * heads * sizeof(float);

    public DeviceBuffer<byte> Keys(int layer) => keys[layer];

    public DeviceBuffer<byte> Values(int layer) => values[layer];

    public void Set(int layer, ReadOnlySpan<float> keyScales, ReadOnlySpan<float> valueScales)
    {
        Check(keyScales, nameof(keyScales));
        Check(valueScales, nameof(valueScales));
        queue.Write(keys[layer], MemoryMarshal.AsBytes(keyScales));
        queue.Write(values[layer], MemoryMarshal.AsBytes(valueScales));
    }

    public void Dispose()
    {
        for (int layer = 0; layer < keys.Length; layer++)
        {
            keys[layer]?.Dispose();
            values[layer]?.Dispose();
        }
    }

    private void Check(ReadOnlySpan<float> scales, string name)
    {
        if (scales.Length != heads)
        {
            throw new ArgumentException($"Expected a scale for each of the {heads} KV heads, got {scales.Length}.", name);
        }

        foreach (float scale in scales)
        {
            if (!(scale >= Smallest && scale <= Largest))
            {
                throw new ArgumentException($"Expected scales between {Smallest} and {Largest}, got {scale}.", name);
            }
        }
    }
}
