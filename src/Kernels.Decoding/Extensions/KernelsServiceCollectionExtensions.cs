using Kernels.Decoding;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers models of checkpoint folders for dependency injection.</summary>
public static class KernelsServiceCollectionExtensions
{
    /// <summary>
    /// Registers an <see cref="IChatClient"/>, and the <see cref="LanguageModel"/> behind it, which is loaded when one is first asked for
    /// and disposed of with the container. Registrations of the same folder share the model.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="options">How the model is opened; of a folder's registrations the first one's count.</param>
    public static IServiceCollection AddKernelsChatClient(
        this IServiceCollection services, string folder, LanguageModelOptions? options = null)
    {
        string key = AddModel(services, folder, options);
        return services.AddSingleton<IChatClient>(provider => new KernelsChatClient(provider.GetRequiredKeyedService<LanguageModel>(key)));
    }

    /// <summary>Registers an embedding generator in the same way.</summary>
    /// <inheritdoc cref="AddKernelsChatClient"/>
    public static IServiceCollection AddKernelsEmbeddingGenerator(
        this IServiceCollection services, string folder, LanguageModelOptions? options = null)
    {
        string key = AddModel(services, folder, options);
        return services.AddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(
            provider => new KernelsEmbeddingGenerator(provider.GetRequiredKeyedService<LanguageModel>(key)));
    }

    private static string AddModel(IServiceCollection services, string folder, LanguageModelOptions? options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(folder);
        string key = Path.GetFullPath(folder);
        services.TryAddKeyedSingleton(key, (_, _) => LanguageModel.Load(key, options));
        services.TryAddSingleton(provider => provider.GetRequiredKeyedService<LanguageModel>(key));
        return key;
    }
}
