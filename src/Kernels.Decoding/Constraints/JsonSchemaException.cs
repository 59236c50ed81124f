namespace Kernels.Decoding;

/// <summary>A JSON schema that replies cannot be held to.</summary>
/// <param name="path">Where in the schema, as a JSON pointer behind #.</param>
/// <param name="message">What is wrong or not supported there.</param>
public sealed class JsonSchemaException(string path, string message) : ArgumentException($"The schema at {path}: {message}.")
{
    /// <summary>Where in the schema, as a JSON pointer behind #.</summary>
    public string Path { get; } = path;
}
