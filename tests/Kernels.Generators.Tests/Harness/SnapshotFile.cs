using System.Runtime.CompilerServices;
using Snapshooter;
using Snapshooter.Xunit;

namespace Kernels.Generators.Tests.Harness;

/// <summary>
/// Compares text with a committed file. The only place that knows the snapshot library. A missing or different file fails,
/// and what was found lies in <c>__snapshots__/__mismatch__</c>; UPDATE_SNAPSHOTS=1 in the environment rewrites the files.
/// </summary>
internal static class SnapshotFile
{
    private static readonly bool Updating = Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1";

    /// <summary>The folder of the files.</summary>
    public static string Folder => Path.Combine(ProjectFolder(), "__snapshots__");

    /// <summary>Fails unless <paramref name="text"/> is what the file <paramref name="name"/>.snap holds.</summary>
    public static void Match(string name, string text)
    {
        if (Updating)
        {
            File.Delete(Path.Combine(Folder, name + ".snap"));
        }

        Snapshot.Match(text, new SnapshotFullName(name + ".snap", ProjectFolder()));
    }

    [ModuleInitializer]
    internal static void BeStrict() =>
        Environment.SetEnvironmentVariable("SNAPSHOOTER_STRICT_MODE", Updating ? "false" : "true");

    private static string ProjectFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(Path.GetDirectoryName(path))!;
}
