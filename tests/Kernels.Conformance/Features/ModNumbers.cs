using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>The numbers that the mods get.</summary>
internal sealed class ModNumbers(ComputeDevice device) : IDisposable
{
    public const float Cap = 6;
    public const int Left = 100;
    public const int Positions = 4096;

    public static readonly float[] HostSlopes = Floats(8, 0.02f);
    public static readonly float[] HostTokens = Floats(Positions, 0.5f);
    public static readonly int[] HostDocuments = [.. Enumerable.Range(0, Positions).Select(token => token / 300)];

    public DeviceBuffer<float> Slopes { get; } = device.Upload<float>(HostSlopes);

    public DeviceBuffer<float> Tokens { get; } = device.Upload<float>(HostTokens);

    public DeviceBuffer<int> Documents { get; } = device.Upload<int>(HostDocuments);

    public void Dispose()
    {
        Slopes.Dispose();
        Tokens.Dispose();
        Documents.Dispose();
    }

    private static float[] Floats(int count, float size)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ => size * ((2 * random.NextSingle()) - 1))];
    }
}
