using System.Globalization;

namespace Kernels.OpenCL.Tests;

public sealed class HugePagesTests(DeviceFixture fixture) : IClassFixture<DeviceFixture>
{
    private const string Setting = "/sys/kernel/mm/transparent_hugepage/enabled";
    private const long Bytes = 256 << 20;

    [SkippableFact]
    public void LargeBuffersOfCpusAskForHugePages()
    {
        Skip.IfNot(File.Exists(Setting), "The system has no transparent huge pages.");
        Skip.IfNot(
            fixture.Device.Capabilities.PlatformName.Contains("Portable Computing Language", StringComparison.Ordinal),
            $"{fixture.Device.Info} may keep its memory elsewhere than where it maps it.");
        long before = AdvisedBytes();
        using DeviceBuffer<byte> buffer = fixture.Device.Allocate<byte>(Bytes);
        Assert.InRange(AdvisedBytes() - before, Bytes - (1 << 20), long.MaxValue);

        byte[] written = [1, 2, 3];
        fixture.Device.Queue.Write<byte>(buffer, written, Bytes - 3);
        byte[] read = new byte[3];
        fixture.Device.Queue.Read(buffer, read, Bytes - 3);
        Assert.Equal(written, read);
    }

    /// <summary>Bytes of this process's memory whose flags say that huge pages were asked for.</summary>
    private static long AdvisedBytes()
    {
        long bytes = 0, size = 0;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "Size:")
            {
                size = 1024 * long.Parse(words[1], CultureInfo.InvariantCulture);
            }
            else if (words[0] == "VmFlags:" && words.Contains("hg"))
            {
                bytes += size;
            }
        }

        return bytes;
    }
}
