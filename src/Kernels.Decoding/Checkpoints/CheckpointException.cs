namespace Kernels.Decoding;

/// <summary>A checkpoint cannot be used. The message names the file and the tensor or key, and what was expected.</summary>
public sealed class CheckpointException : Exception
{
    /// <param name="path">The file or folder.</param>
    /// <param name="message">What is wrong with it, without the path.</param>
    /// <param name="inner">The cause.</param>
    public CheckpointException(string path, string message, Exception? inner = null)
        : base($"{path}: {message}", inner) => Path = path;

    /// <summary>The file or folder that cannot be used.</summary>
    public string Path { get; }
}
