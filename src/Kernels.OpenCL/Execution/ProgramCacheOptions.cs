namespace Kernels.OpenCL;

/// <summary>How built programs are kept on disk. In memory they are always kept, until their device is disposed.</summary>
public sealed record ProgramCacheOptions
{
    /// <summary>The environment variable that <see cref="FromEnvironment"/> reads: "off", or a folder.</summary>
    public const string EnvironmentVariable = "KERNELS_CACHE";

    private const string FolderName = "kernels-opencl";

    /// <summary>
    /// Whether binaries are kept on disk; null, the default: unless the driver keeps what it compiles itself and takes longer to give a
    /// binary away than to compile. PoCL does: for a binary it compiles all kernels of a program once more, used or not.
    /// </summary>
    public bool? UseDisk { get; init; }

    /// <summary>
    /// The folder of the binaries, made when it is needed; by default "kernels-opencl" under XDG_CACHE_HOME or the user's local application
    /// data. Empty: nothing is kept on disk.
    /// </summary>
    public string Directory { get; init; } = DefaultDirectory();

    /// <summary>Bytes that the folder's files may take together; the ones unused for longest are deleted beyond that.</summary>
    public long MaxDiskBytes { get; init; } = 256L << 20;

    /// <summary>The defaults, changed by KERNELS_CACHE where it is set: "off" keeps nothing on disk, anything else is the folder.</summary>
    public static ProgramCacheOptions FromEnvironment() => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    internal static ProgramCacheOptions Parse(string? value) => string.IsNullOrWhiteSpace(value) ? new()
        : value.Trim().Equals("off", StringComparison.OrdinalIgnoreCase) ? new() { UseDisk = false }
        : new() { Directory = value };

    private static string DefaultDirectory()
    {
        string? root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root) || !Path.IsPathRooted(root))
        {
            root = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        }

        // A user without a home gets no cache: code loaded from a folder that others can write to would be theirs.
        return root.Length == 0 ? string.Empty : Path.Combine(root, FolderName);
    }
}
