using System.Text;

namespace Kernels.Decoding;

/// <summary>Finds the checkpoint that a path means, and says what is there where it is none.</summary>
internal static class CheckpointFolder
{
    private const string CachePrefix = "models--";

    // The first line of what a clone without git-lfs has in place of a large file.
    private static readonly byte[] LfsPointer = "version https://git-lfs"u8.ToArray();

    /// <summary>
    /// The checkpoint that a path means: a folder, a <c>.gguf</c> file or a folder with one, or the snapshot of a folder of
    /// Hugging Face's cache (<c>models--organisation--name</c>).
    /// </summary>
    /// <param name="path">The path as a person gave it.</param>
    /// <returns>A folder with a configuration, or a <c>.gguf</c> file.</returns>
    /// <exception cref="CheckpointException">There is no checkpoint; the message says what there is instead.</exception>
    public static string Resolve(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
        {
            CheckFile(path);
            return IsGguf(path) ? path
                : throw new CheckpointException(
                    path, $"is a file; expected a folder with {ModelConfig.FileName} and *.safetensors, or a .gguf file");
        }

        if (!Directory.Exists(path))
        {
            throw new CheckpointException(path, LooksLikeHubId(path)
                ? $"is no folder here. If it is a model of the Hugging Face hub, download it first: huggingface-cli download {path} "
                    + $"--local-dir {path}"
                : "there is no such folder or file");
        }

        if (FindSnapshot(path) is { } snapshot)
        {
            return snapshot;
        }

        if (File.Exists(Path.Combine(path, ModelConfig.FileName)))
        {
            return path;
        }

        string[] files = [.. Directory.EnumerateFiles(path, "*.gguf").Order(StringComparer.Ordinal)];
        return files.Length switch
        {
            1 => files[0],
            > 1 => throw new CheckpointException(path, $"has {files.Length} .gguf files; name the one that is meant, as in {files[0]}"),
            _ => path,
        };
    }

    /// <summary>
    /// What to call the model at a path: its folder or file, or its name on the hub where the path is one of Hugging Face's cache.
    /// </summary>
    /// <param name="path">The path as a person gave it.</param>
    public static string NameOf(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        for (string? folder = full; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string name = Path.GetFileName(folder);
            if (name.StartsWith(CachePrefix, StringComparison.Ordinal))
            {
                return name[CachePrefix.Length..].Replace("--", "/", StringComparison.Ordinal);
            }
        }

        return IsGguf(full) ? Path.GetFileNameWithoutExtension(full) : Path.GetFileName(full);
    }

    /// <summary>Whether a path is that of a GGUF file, by its name.</summary>
    internal static bool IsGguf(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path);

    /// <summary>Throws if a file is the pointer that git-lfs left in place of it.</summary>
    /// <exception cref="CheckpointException">It is.</exception>
    internal static void CheckFile(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            var beginning = new byte[LfsPointer.Length];
            if (file.Length < 1024 && file.ReadAtLeast(beginning, beginning.Length, throwOnEndOfStream: false) == beginning.Length
                && beginning.AsSpan().SequenceEqual(LfsPointer))
            {
                throw new CheckpointException(
                    path, "is a git-lfs pointer, not the file itself: run 'git lfs pull' in its folder, or download the file");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Told by whoever opens it.
        }
    }

    /// <summary>The only <c>*.safetensors</c> file of a folder whatever its name, but those that hold something else.</summary>
    internal static string? OnlyWeights(string folder)
    {
        string[] files =
        [
            .. Directory.EnumerateFiles(folder, "*.safetensors")
                .Where(
                    file => Path.GetFileName(
                        file) is not ("consolidated.safetensors" or "expected.safetensors" or "adapter_model.safetensors")),
        ];
        return files.Length == 1 && !Path.GetFileName(files[0]).Contains("-of-", StringComparison.Ordinal) ? files[0] : null;
    }

    /// <summary>The error for a folder without weights that are read, which says what it has instead.</summary>
    internal static CheckpointException WithoutWeights(string folder)
    {
        string[] names = [.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        var text = new StringBuilder($"has neither {SafeTensors.SingleFileName} nor {SafeTensors.IndexFileName}");
        if (Array.Find(names, IsGguf) is { } gguf)
        {
            text.Append($", but '{gguf}': give that file as the model");
        }
        else if (Array.Find(
            names, name => name.Contains("-of-", StringComparison.Ordinal)
                && name.EndsWith(".safetensors", StringComparison.Ordinal)) is { } shard)
        {
            text.Append($", but '{shard}': the index is missing; download {SafeTensors.IndexFileName} too");
        }
        else if (names.Contains("consolidated.safetensors"))
        {
            text.Append(
                ", but 'consolidated.safetensors', which has Mistral's own names of tensors: download the files that Hugging Face "
                    + "transformers reads");
        }
        else if (names.Contains("adapter_model.safetensors"))
        {
            text.Append(", but 'adapter_model.safetensors', an adapter: merge it into its base model first");
        }
        else if (Array.Find(names, IsPickle) is { } pickle)
        {
            text.Append(
                $", but '{pickle}', a pickle, which runs code when it is read: convert it to safetensors, or download the model's "
                    + "safetensors files");
        }
        else if (names.Length == 0)
        {
            text.Append("; the folder is empty");
        }

        return new CheckpointException(folder, text.ToString());
    }

    /// <summary>The error for a folder without a configuration, which says what it has instead.</summary>
    internal static CheckpointException WithoutConfiguration(string folder)
    {
        string[] names = [.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        string instead = names.Length == 0 ? "; the folder is empty"
            : names.Contains("params.json")
            ? ", but 'params.json' of another format: download the files that Hugging Face transformers reads"
            : names.Contains("adapter_config.json") ? ", but 'adapter_config.json', an adapter: merge it into its base model first"
            : Array.Find(names, IsPickle) is { } pickle
            ? $", but '{pickle}': download the model's {ModelConfig.FileName} and safetensors files"
            : "";
        return new CheckpointException(Path.Combine(folder, ModelConfig.FileName), $"cannot be opened: there is no such file{instead}");
    }

    /// <summary>Opens the tensors at a path that <see cref="Resolve"/> gave.</summary>
    internal static TensorSource OpenTensors(string resolved) => IsGguf(resolved) ? GgufTensors.Open(resolved) : SafeTensors.Open(resolved);

    private static bool IsPickle(string name) =>
        name.EndsWith(".pth", StringComparison.Ordinal) || name.EndsWith(".pt", StringComparison.Ordinal)
        || (name.EndsWith(".bin", StringComparison.Ordinal) && name.StartsWith("pytorch_model", StringComparison.Ordinal));

    private static bool LooksLikeHubId(string path) =>
        !Path.IsPathRooted(path) && path.Count(c => c == '/') == 1 && path[0] is not ('.' or '~' or '/') && path[^1] != '/'
        && path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_' or '.');

    // The root of a model in the cache, or its folder of snapshots. The branch 'main' says which is meant; else the newest is.
    private static string? FindSnapshot(string path)
    {
        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetFileName(root) == "snapshots")
        {
            root = Path.GetDirectoryName(root)!;
        }

        string snapshots = Path.Combine(root, "snapshots");
        if (!Path.GetFileName(root).StartsWith(CachePrefix, StringComparison.Ordinal) && !Directory.Exists(Path.Combine(root, "refs")))
        {
            return null;
        }

        if (!Directory.Exists(snapshots))
        {
            return Path.GetFileName(root).StartsWith(CachePrefix, StringComparison.Ordinal)
                && !File.Exists(Path.Combine(root, ModelConfig.FileName))
                ? throw new CheckpointException(path, "is a folder of Hugging Face's cache without a snapshot: download the model again")
                : null;
        }

        string main = Path.Combine(root, "refs", "main");
        if (File.Exists(main) && new FileInfo(main).Length < 256)
        {
            string hash = File.ReadAllText(main).Trim();
            if (hash.Length > 0 && hash.All(char.IsAsciiLetterOrDigit) && Directory.Exists(Path.Combine(snapshots, hash)))
            {
                return Resolved(Path.Combine(snapshots, hash));
            }
        }

        DirectoryInfo? newest = new DirectoryInfo(snapshots).EnumerateDirectories().MaxBy(folder => folder.LastWriteTimeUtc);
        return newest is not null ? Resolved(newest.FullName)
            : throw new CheckpointException(path, "is a folder of Hugging Face's cache without a snapshot: download the model again");

        // A snapshot may hold a .gguf file.
        static string Resolved(string folder) =>
            !File.Exists(Path.Combine(folder, ModelConfig.FileName)) && Directory.GetFiles(folder, "*.gguf") is [{ } only] ? only : folder;
    }
}
