namespace Kernels.Decoding;

/// <summary>What a checkpoint folder is called.</summary>
internal static class ModelNames
{
    private const string CachePrefix = "models--";

    /// <summary>
    /// The name of a folder's model: that of its repository, owner/name, for a snapshot in Hugging Face's cache
    /// (<c>models--owner--name/snapshots/commit</c>), else the folder's own.
    /// </summary>
    public static string Of(string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return Repository(path) ?? Path.GetFileName(path);
    }

    /// <summary>
    /// Every name that the place of a folder tells: the one of <see cref="Of"/>, the repository's without its owner, and the folder's own.
    /// </summary>
    public static IReadOnlyList<string> All(string folder)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string name = Of(folder);
        return [.. new[] { name, name[(name.LastIndexOf('/') + 1)..], Path.GetFileName(path) }.Where(n => n.Length > 0)
            .Distinct(StringComparer.Ordinal)];
    }

    private static string? Repository(string path)
    {
        string? snapshots = Path.GetDirectoryName(path);
        string? repository = Path.GetFileName(Path.GetDirectoryName(snapshots));
        return Path.GetFileName(snapshots) == "snapshots" && repository is not null && repository.StartsWith(
            CachePrefix, StringComparison.Ordinal)
            ? repository[CachePrefix.Length..].Replace("--", "/", StringComparison.Ordinal)
            : null;
    }
}
