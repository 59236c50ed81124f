namespace Kernels.OpenCL.Tests;

/// <summary>A folder that goes when the test has ended.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kernels-tests-").FullName;

    public string[] Files => Directory.GetFiles(Path);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
